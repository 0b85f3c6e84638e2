package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	region = "us-east-1"
	// granted is what the caller of the suite may invoke; other is not.
	granted = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	other   = "amazon.nova-pro-v1:0"
)

// kind is whether a call may be made, and why not.
type kind int

const (
	may       kind = iota
	wrongSort      // a model that no grant names
	regulated      // a prompt declared to hold health data
	forged         // a signature by a key that is not the session's
	kinds
)

// call is one call to the gateway.
type call struct {
	serial  int64
	kind    kind
	streams bool
	ahead   time.Duration // signed by a clock that is so far ahead
}

// answer is what its caller saw.
type answer struct {
	call
	status   int
	whole    bool   // the answer came to its proper end
	name     string // of the error, as an SDK would raise it
	decision string
	record   string // the index that the answer names
	err      error  // no answer, or one that broke off
}

// serials number the calls of a run.
var serials atomic.Int64

func (c call) body() []byte {
	more := ""
	if c.kind == regulated {
		more = `,"requestMetadata":{"writ.classes":"health"}`
	}
	return fmt.Appendf(nil, `{"messages":[{"role":"user","content":[{"text":"Where is parcel %d?"}]}],"inferenceConfig":{"maxTokens":%d}%s}`, c.serial, c.serial, more)
}

// signed makes the request to a gateway, signed by the AWS SDK's own signer.
func (c call) signed(ctx context.Context, gateway string, keys aws.Credentials) (*http.Request, error) {
	model, operation := granted, "/converse"
	if c.kind == wrongSort {
		model = other
	}
	if c.streams {
		operation += "-stream"
	}
	if c.kind == forged {
		keys.SecretAccessKey = strings.Repeat("x", len(keys.SecretAccessKey))
	}
	body := c.body()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, gateway+"/model/"+strings.ReplaceAll(model, ":", "%3A")+operation, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256(body)
	return r, v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), "bedrock", region, time.Now().Add(c.ahead))
}

// make makes the call once, without a retry, and reads what comes back.
func (c call) make(ctx context.Context, via http.RoundTripper, gateway string, keys aws.Credentials) answer {
	a := answer{call: c}
	r, err := c.signed(ctx, gateway, keys)
	if err != nil {
		a.err = err
		return a
	}
	resp, err := via.RoundTrip(r)
	if err != nil {
		a.err = err
		return a
	}
	defer resp.Body.Close()
	a.status, a.name = resp.StatusCode, resp.Header.Get("X-Amzn-Errortype")
	a.decision, a.record = resp.Header.Get("X-Writ-Decision"), resp.Header.Get("X-Writ-Record")
	if c.streams && a.status == http.StatusOK {
		a.name, a.err = readStream(resp.Body)
	} else {
		a.err = readWhole(resp)
	}
	a.whole = a.err == nil && a.name == ""
	return a
}

func readWhole(resp *http.Response) error {
	b, err := io.ReadAll(resp.Body)
	if err == nil && !json.Valid(b) {
		return errors.New("the answer is not JSON")
	}
	return err
}

// readStream reads frames to the end, by the SDK's own decoder, and returns
// the exception that ended them.
func readStream(r io.Reader) (exception string, err error) {
	final := false
	for decoder := eventstream.NewDecoder(); ; {
		m, err := decoder.Decode(r, nil)
		switch {
		case errors.Is(err, io.EOF) && final:
			return exception, nil
		case err != nil:
			return exception, fmt.Errorf("reading a frame: %w", err)
		}
		if v := m.Headers.Get(":exception-type"); v != nil {
			exception, final = v.String(), true
		}
		if v := m.Headers.Get(":error-code"); v != nil {
			exception, final = v.String(), true
		}
		if v := m.Headers.Get(":event-type"); v != nil && v.String() == "metadata" {
			final = true
		}
	}
}

// load is a closed loop of callers. Every fourth call must be refused.
type load struct {
	gateway string
	keys    aws.Credentials
	workers int
	calls   int           // in all; zero: until the context ends
	streams bool          // every second call asks for a stream
	only    bool          // every call asks for a stream, and may be made
	patient time.Duration // how long one call waits; zero: a minute
	pause   time.Duration // between two calls of a worker
	ahead   time.Duration // how far the gateway's clock is ahead: calls are signed by it
}

// run makes the calls and returns every answer, of refused connections too.
func (l load) run(ctx context.Context) []answer {
	if l.patient == 0 {
		l.patient = time.Minute
	}
	via := &http.Transport{MaxIdleConnsPerHost: l.workers, DisableCompression: true}
	defer via.CloseIdleConnections()
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		out   []answer
		begun atomic.Int64
	)
	for range l.workers {
		all.Go(func() {
			for ctx.Err() == nil {
				n := begun.Add(1)
				if l.calls > 0 && n > int64(l.calls) {
					return
				}
				// A call is let to its end when the load ends.
				one, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.patient)
				a := l.next(n).make(one, via, l.gateway, l.keys)
				cancel()
				mu.Lock()
				out = append(out, a)
				mu.Unlock()
				l.rest(ctx, a)
			}
		})
	}
	all.Wait()
	return out
}

// rest keeps a worker from spinning on a gateway that is gone.
func (l load) rest(ctx context.Context, a answer) {
	wait := l.pause
	if a.status == 0 {
		wait = max(wait, 50*time.Millisecond)
	}
	if wait > 0 {
		_ = sleep(ctx, wait) // the loop looks at the context itself
	}
}

func (l load) next(n int64) call {
	c := call{serial: serials.Add(1), ahead: l.ahead, streams: l.only || l.streams && n%2 == 0}
	if !l.only && n%4 == 0 {
		c.kind = 1 + kind(n/4)%(kinds-1)
	}
	return c
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// index is the record that an answer names.
func (a answer) index() (uint64, bool) {
	n, err := strconv.ParseUint(a.record, 10, 64)
	return n, err == nil
}
