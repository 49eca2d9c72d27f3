module zonehook.test/parsing

go 1.21

require github.com/dnsimple/dnsimple-go v0.30.0

require github.com/google/go-querystring v1.0.0 // indirect
