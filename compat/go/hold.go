package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// collects is the metadata by which a call collects an answer that a person had to
// release; nil asks for a new one.
func collects(variable string) map[string]string {
	if id := os.Getenv(variable); id != "" {
		return map[string]string{"writ.hold": id}
	}
	return nil
}

// receipt is what the head of an answer proves of its tool call.
func receipt(m middleware.Metadata) string {
	raw, ok := awsmiddleware.GetRawResponse(m).(*smithyhttp.Response)
	if !ok {
		return ""
	}
	return raw.Header.Get("X-Writ-Receipt")
}

// get asks one of the endpoint's own paths, signed with the SDK's signer.
func (c client) get(ctx context.Context, path string) func(*Step) error {
	return func(s *Step) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")+path, nil)
		if err != nil {
			return err
		}
		credentials, err := c.aws.Credentials.Retrieve(ctx)
		if err != nil {
			return err
		}
		empty := sha256.Sum256(nil)
		if err := v4.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(empty[:]), "bedrock", c.aws.Region, time.Now()); err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err == nil && answer.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", answer.Status, body)
		}
		s.Text = string(body)
		return err
	}
}
