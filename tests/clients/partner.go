// A partner's client in Go's standard library: log in, sign, create one sales order.
// Prints the HTTP status, then the body, of the last answer. The key is PKCS#8 ("BEGIN PRIVATE KEY").
//
//	BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
//	PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] go run partner.go
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
	"os"
	"strconv"
	"time"
)

const path = "/api/v1/sales-orders"

var client = http.Client{Timeout: 30 * time.Second}

func main() {
	log.SetFlags(0)
	status, answer, err := createOrder()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d\n%s\n", status, answer)
}

func createOrder() (int, []byte, error) {
	clientID := required("CLIENT_ID")

	// 1. The token.
	credentials, err := json.Marshal(map[string]string{
		"client_id": clientID, "client_secret": required("CLIENT_SECRET"),
	})
	if err != nil {
		return 0, nil, err
	}
	status, answer, err := post("/api/v1/auth/login", nil, credentials)
	if err != nil || status != http.StatusOK {
		return status, answer, err
	}
	var login struct{ Token string }
	if err := json.Unmarshal(answer, &login); err != nil {
		return 0, nil, err
	}

	// 2. The signature. The body stays bytes: what is hashed is exactly what is sent.
	body, err := os.ReadFile(required("BODY"))
	if err != nil {
		return 0, nil, err
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	stringToSign := clientID + "|" + timestamp
	if os.Getenv("BODY_BOUND") != "" {
		stringToSign = fmt.Sprintf("POST:%s:%x:%s", path, sha256.Sum256(body), timestamp)
		if os.Getenv("KEY_BOUND") != "" {
			stringToSign += ":" + os.Getenv("IDEMPOTENCY_KEY")
		}
	}
	signature, err := sign(stringToSign)
	if err != nil {
		return 0, nil, err
	}

	// 3. The order.
	headers := map[string]string{
		"Authorization": "Bearer " + login.Token,
		"X-CLIENT-ID":   clientID,
		"X-TIMESTAMP":   timestamp,
		"X-SIGNATURE":   signature,
	}
	if key := os.Getenv("IDEMPOTENCY_KEY"); key != "" {
		headers["Idempotency-Key"] = key
	}
	return post(path, headers, body)
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
	request, err := http.NewRequest(http.MethodPost, required("BASE_URL")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
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

func required(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("%s is not set", name)
	}
	return value
}
