// Reads delivered bodies, one a line, with DNSimple's own parser and tells what it made of each.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/dnsimple/dnsimple-go/dnsimple/webhook"
)

type told struct {
	Name      string
	RequestID string
	Account   int64
	Display   string
	Actor     string
	Entity    string
	Kind      string
	Data      interface{}
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		event, err := webhook.ParseEvent(line)
		if err != nil {
			log.Fatalf("not parsed: %v: %s", err, line)
		}
		if err := answers.Encode(told{
			event.Name, event.RequestID, event.Account.ID, event.Account.Display, event.Actor.ID, event.Actor.Entity,
			fmt.Sprintf("%T", event.GetData()), event.GetData(),
		}); err != nil {
			log.Fatal(err)
		}
	}
}
