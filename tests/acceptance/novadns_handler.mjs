// The receiver of NovaDNS's documentation: its handler word for word, with node's own https in the place of Express.
// usage: node novadns_handler.mjs CERTIFICATE KEY     (prints its port)
import crypto from "node:crypto"
import fs from "node:fs"
import https from "node:https"

function handler(req, res) {
  const secret    = process.env.NOVADNS_WEBHOOK_SECRET
  const signature = req.headers["x-novadns-signature"]

  const expected  = crypto
    .createHmac("sha256", secret)
    .update(req.body)
    .digest("hex")

  if (!crypto.timingSafeEqual(
    Buffer.from(expected),
    Buffer.from(signature)
  )) {
    return res.status(401).send("Invalid signature")
  }

  const payload = JSON.parse(req.body)
  // handle payload.event …
  res.status(200).send()
}

const [certificate, key] = process.argv.slice(2).map((path) => fs.readFileSync(path))
const server = https.createServer({ cert: certificate, key }, async (req, res) => {
  const chunks = []
  for await (const chunk of req) chunks.push(chunk)
  req.body = Buffer.concat(chunks)
  if (req.url === "/changed") req.body[0] ^= 1 // on the way, by somebody else
  res.status = (code) => Object.assign(res, { statusCode: code })
  res.send = (text) => res.end(text)
  handler(req, res)
})
server.listen(0, "127.0.0.1", () => console.log(server.address().port))
