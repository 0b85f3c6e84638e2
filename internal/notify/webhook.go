package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// webhook sends CloudEvents signed by the Standard Webhooks convention
// (https://www.standardwebhooks.com): HMAC-SHA256 over id, timestamp and body.
// The id is the event's, the same at every attempt; the timestamp is the
// attempt's. A receiver refuses timestamps more than five minutes off and ids
// that it has seen.
type webhook struct {
	url    string
	key    []byte
	source string
	client *http.Client
	now    func() time.Time
}

// signingKey reads a webhook's secret: whsec_ and 24 to 64 bytes in base64.
func signingKey(s Secret) ([]byte, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(string(s)), "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errors.New("secret: want whsec_ and 24 to 64 bytes in base64, such as: echo whsec_$(openssl rand -base64 32)")
	}
	return key, nil
}

// signature signs a message as the header webhook-signature carries it.
func signature(key []byte, id, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func (w *webhook) send(ctx context.Context, p parcel) error {
	body, err := p.Event.envelope(w.source)
	if err != nil {
		return permanentError{err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return permanentError{errors.New("the URL cannot be used")}
	}
	timestamp := strconv.FormatInt(w.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/cloudevents+json; charset=UTF-8")
	req.Header.Set("User-Agent", "writ")
	req.Header.Set("Webhook-Id", p.Event.ID)
	req.Header.Set("Webhook-Timestamp", timestamp)
	req.Header.Set("Webhook-Signature", signature(w.key, p.Event.ID, timestamp, body))
	return answered(w.client.Do(req))
}
