// A partner's receiver of webhooks in Go's standard library: is this one from the service, and is it new?
// Prints "valid" (exit status 0), "valid: seen before" (0: answer 200 and do nothing), or "invalid: " and why (1).
//
//	WEBHOOK_SECRET=whsec_... WEBHOOK_ID=... WEBHOOK_TIMESTAMP=... WEBHOOK_SIGNATURE=v1,... \
//	[SEEN=ids.txt] [NOW=1795441036] go run verify.go < body
//	WEBHOOK_SECRET   while it is rotated, both secrets with a space between them; a whpk_ public key verifies v1a
//	SEEN             a file with the ids of webhooks that were taken before
//	NOW              the time in unix seconds, for tests
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const tolerance = 300

var unixSeconds = regexp.MustCompile(`^[0-9]{1,11}$`)

func main() {
	log.SetFlags(0)
	keys := strings.Fields(os.Getenv("WEBHOOK_SECRET"))
	if len(keys) == 0 {
		log.Fatal("WEBHOOK_SECRET is not set")
	}
	now := time.Now().Unix()
	if set, err := strconv.ParseInt(os.Getenv("NOW"), 10, 64); err == nil {
		now = set
	}
	// The bytes as they came in: parsed and written again, the same JSON has another signature.
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	id := os.Getenv("WEBHOOK_ID")
	if err := verify(keys, id, os.Getenv("WEBHOOK_TIMESTAMP"), os.Getenv("WEBHOOK_SIGNATURE"), body, now); err != nil {
		fmt.Println("invalid:", err)
		os.Exit(1)
	}
	seen, err := seenBefore(id)
	if err != nil {
		log.Fatal(err)
	}
	if seen {
		fmt.Println("valid: seen before")
	} else {
		fmt.Println("valid")
	}
}

// Gives why the webhook is refused.
func verify(keys []string, id, timestamp, header string, body []byte, now int64) error {
	if id == "" || timestamp == "" || header == "" {
		return errors.New("a header is missing")
	}
	// 1. The time, or whoever has a copy could send it for ever.
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || !unixSeconds.MatchString(timestamp) {
		return errors.New("webhook-timestamp is not in unix seconds")
	}
	if now-seconds > tolerance {
		return errors.New("webhook-timestamp is too old")
	}
	if seconds-now > tolerance {
		return errors.New("webhook-timestamp is in the future")
	}
	// 2. The signatures: one by one of these keys is enough.
	signed := append([]byte(id+"."+timestamp+"."), body...)
	for _, one := range strings.Fields(header) {
		version, encoded, _ := strings.Cut(one, ",")
		signature, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			continue
		}
		for _, key := range keys {
			if isOf(key, version, signature, signed) {
				return nil
			}
		}
	}
	return errors.New("no signature matches")
}

// Whether this key made the signature. One of another version is for another kind of key.
func isOf(key, version string, signature, signed []byte) bool {
	kind, encoded, _ := strings.Cut(key, "_")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || (kind != "whsec" && kind != "whpk") {
		log.Fatal("WEBHOOK_SECRET is not one or more whsec_ secrets or whpk_ public keys")
	}
	switch {
	case kind == "whsec" && version == "v1":
		right := hmac.New(sha256.New, raw)
		right.Write(signed)
		// Not bytes.Equal, whose duration tells how much of a guess is right.
		return hmac.Equal(right.Sum(nil), signature)
	case kind == "whpk" && version == "v1a":
		return len(raw) == ed25519.PublicKeySize && ed25519.Verify(raw, signed, signature)
	default:
		return false
	}
}

// Remembers the id. A service keeps ids in its database under a unique index, with what the webhook made it do.
func seenBefore(id string) (bool, error) {
	name := os.Getenv("SEEN")
	if name == "" {
		return false, nil
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return false, err
	}
	defer file.Close()
	ids, err := io.ReadAll(file)
	if err != nil {
		return false, err
	}
	for _, known := range bytes.Split(ids, []byte("\n")) {
		if string(known) == id {
			return true, nil
		}
	}
	_, err = fmt.Fprintln(file, id)
	return false, err
}
