package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	region = "us-east-1"
	// model is a profile of three regions: an invocation of it has four legs.
	model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	// distinctRequests are signed before a round, so that signing is not in it.
	distinctRequests = 512
	promptBytes      = 1000
)

// signedRequests are n complete requests to addr, each with a prompt and a
// signature of its own, made by the AWS SDK's signer.
func signedRequests(addr, operation string, keys aws.Credentials, n int) ([][]byte, error) {
	signer := v4.NewSigner()
	out := make([][]byte, n)
	for i := range out {
		prompt := fmt.Sprintf("Request %d. ", i)
		prompt += strings.Repeat("Where is my parcel? ", promptBytes/20)[len(prompt):]
		body := `{"messages":[{"role":"user","content":[{"text":"` + prompt + `"}]}],"inferenceConfig":{"maxTokens":512}}`
		path := "/model/" + strings.ReplaceAll(model, ":", "%3A") + "/" + operation
		r, err := http.NewRequest(http.MethodPost, "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/json")
		sum := sha256.Sum256([]byte(body))
		if err := signer.SignHTTP(context.Background(), keys, r, hex.EncodeToString(sum[:]), "bedrock", region, time.Now()); err != nil {
			return nil, fmt.Errorf("signing: %w", err)
		}
		var wire bytes.Buffer
		if err := r.Write(&wire); err != nil {
			return nil, err
		}
		out[i] = wire.Bytes()
	}
	return out, nil
}

// once sends one request and returns its answer's body, to see that a target
// answers at all, and with the stand-in's very bytes.
func once(addr string, request []byte) ([]byte, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	var body bytes.Buffer
	status, err := readResponse(bufio.NewReaderSize(conn, 16<<10), &body)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("status %d: %s", status, body.Bytes())
	}
	return body.Bytes(), nil
}
