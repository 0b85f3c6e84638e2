package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
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
	promptSpread     = 100 // more or less: no two people write as much
)

// shape is what the requests of a workload look like.
type shape struct {
	operation string
	body      int           // bytes, nearly all of them an image; 0 means a prompt of about 1,000
	pace      time.Duration // between the frames of the answer; 0 means at once
}

// bodyOf is the body of the n-th request. A pace stands at its beginning, where
// the stand-in looks for it; everybody else passes it on as a prompt.
func (s shape) bodyOf(n int) string {
	prompt := fmt.Sprintf("Request %d. ", n)
	if s.pace > 0 {
		prompt = paceMark + s.pace.String() + ". " + prompt
	}
	if s.body > 0 {
		head := `{"messages":[{"role":"user","content":[{"text":"` + prompt + `"},{"image":{"source":{"bytes":"`
		const tail = `"},"format":"png"}}]}],"inferenceConfig":{"maxTokens":512}}`
		return head + image(s.body-len(head)-len(tail)) + tail
	}
	prompt += strings.Repeat("Where is my parcel? ", 2*promptBytes/20)[len(prompt) : promptBytes-promptSpread+n%(2*promptSpread+1)]
	return `{"messages":[{"role":"user","content":[{"text":"` + prompt + `"}]}],"inferenceConfig":{"maxTokens":512}}`
}

// pixels are the bytes of every image: what they are matters to nobody.
var pixels = sync.OnceValue(func() string {
	raw := make([]byte, largeBody/4*3)
	_, _ = rand.NewChaCha8([32]byte{}).Read(raw)
	return base64.StdEncoding.EncodeToString(raw)
})

// image is base64 of at most n characters.
func image(n int) string { return pixels()[:n/4*4] }

// signed is the n-th request to addr, signed by the AWS SDK's signer.
func (s shape) signed(addr string, keys aws.Credentials, n int) (*http.Request, error) {
	body := s.bodyOf(n)
	path := "/model/" + strings.ReplaceAll(model, ":", "%3A") + "/" + s.operation
	r, err := http.NewRequest(http.MethodPost, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(context.Background(), keys, r, hex.EncodeToString(sum[:]), "bedrock", region, time.Now()); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return r, nil
}

// signedRequests are n complete requests to a target, each with a prompt and a
// signature of its own.
func signedRequests(t *process, s shape, n int) ([][]byte, error) {
	out := make([][]byte, n)
	for i := range out {
		r, err := s.signed(t.addr, t.keys, i)
		if err != nil {
			return nil, err
		}
		var wire bytes.Buffer
		wire.Grow(int(r.ContentLength) + 4<<10)
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
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
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
