// A partner's client in Go's standard library: log in, sign, create one sales order; or validate, cancel or list orders.
// Prints the HTTP status, then the body, of the last answer; of a list, those of each page. The key is PKCS#8
// ("BEGIN PRIVATE KEY").
//
//	BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
//	PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] go run partner.go
//	ACTION=validate   with the same: nothing is stored
//	ACTION=cancel     with ORDER_NUMBER=SO-0000000042, and BODY={"reason": "CUSTOMER_REQUEST"} in a file
//	ACTION=list       with neither key nor BODY: [CURSOR=...] [LIMIT=200]
package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

const orders = "/api/v1/sales-orders"

var client = http.Client{Timeout: 30 * time.Second}

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	clientID := required("CLIENT_ID")
	action := or(os.Getenv("ACTION"), "create")

	// 1. The token.
	credentials, err := json.Marshal(map[string]string{
		"client_id": clientID, "client_secret": required("CLIENT_SECRET"),
	})
	if err != nil {
		return err
	}
	status, answer, err := post("/api/v1/auth/login", nil, credentials)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return show(status, answer)
	}
	var login struct{ Token string }
	if err := json.Unmarshal(answer, &login); err != nil {
		return err
	}
	if action == "list" {
		return list(login.Token)
	}

	// 2. The signature. The body stays bytes: what is hashed is exactly what is sent. Only one that binds it cancels.
	path := orders
	switch action {
	case "create":
	case "validate":
		path = orders + "/validation"
	case "cancel":
		path = orders + "/" + required("ORDER_NUMBER") + "/cancellation"
	default:
		return errors.New("ACTION is create, validate, cancel or list")
	}
	body, err := os.ReadFile(required("BODY"))
	if err != nil {
		return err
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	stringToSign := clientID + "|" + timestamp
	if os.Getenv("BODY_BOUND") != "" || action == "cancel" {
		stringToSign = fmt.Sprintf("POST:%s:%x:%s", path, sha256.Sum256(body), timestamp)
		if os.Getenv("KEY_BOUND") != "" {
			stringToSign += ":" + os.Getenv("IDEMPOTENCY_KEY")
		}
	}
	signature, err := sign(stringToSign)
	if err != nil {
		return err
	}

	// 3. The request.
	headers := map[string]string{
		"Authorization": "Bearer " + login.Token,
		"X-CLIENT-ID":   clientID,
		"X-TIMESTAMP":   timestamp,
		"X-SIGNATURE":   signature,
	}
	if key := os.Getenv("IDEMPOTENCY_KEY"); key != "" {
		headers["Idempotency-Key"] = key
	}
	status, answer, err = post(path, headers, body)
	if err != nil {
		return err
	}
	return show(status, answer)
}

// Page by page, until there is no more. A program keeps the last next_cursor, and goes on with it another time.
func list(token string) error {
	query := url.Values{"limit": {or(os.Getenv("LIMIT"), "200")}}
	if cursor := os.Getenv("CURSOR"); cursor != "" {
		query.Set("cursor", cursor)
	}
	for {
		headers := map[string]string{"Authorization": "Bearer " + token}
		status, answer, err := send(http.MethodGet, orders+"?"+query.Encode(), headers, nil)
		if err != nil {
			return err
		}
		if err := show(status, answer); err != nil || status != http.StatusOK {
			return err
		}
		var page struct {
			HasMore    bool   `json:"has_more"`
			NextCursor string `json:"next_cursor"`
		}
		if err := json.Unmarshal(answer, &page); err != nil || !page.HasMore {
			return err
		}
		query.Set("cursor", page.NextCursor)
	}
}

func sign(text string) (string, error) {
	file, err := os.ReadFile(required("PRIVATE_KEY"))
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(file)
	if block == nil {
		return "", errors.New("PRIVATE_KEY is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return "", err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return "", errors.New("PRIVATE_KEY is not an RSA key")
	}
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	return base64.StdEncoding.EncodeToString(signature), err
}

func post(path string, headers map[string]string, body []byte) (int, []byte, error) {
	return send(http.MethodPost, path, headers, body)
}

func send(method, path string, headers map[string]string, body []byte) (int, []byte, error) {
	request, err := http.NewRequest(method, required("BASE_URL")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

func show(status int, answer []byte) error {
	_, err := fmt.Printf("%d\n%s\n", status, answer)
	return err
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func required(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("%s is not set", name)
	}
	return value
}
