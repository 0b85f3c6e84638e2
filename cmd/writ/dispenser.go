package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/login"
)

// dispenser gives a child its credentials, as a container's endpoint does, on a
// loopback port and for a random token that only the child knows. It listens
// for as long as the child runs.
type dispenser struct {
	url, token string
	source     *source
	ctx        context.Context
	server     *http.Server

	mu     sync.Mutex
	held   api.MintAnswer
	minted time.Time
	failed bool // the last mint did, and that has been said
}

const dispenserPath = "/writ/v1/credentials"

// openDispenser starts one; first is what it gives out to begin with.
func openDispenser(ctx context.Context, s *source, first api.MintAnswer) (*dispenser, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for the child: %w", err)
	}
	d := &dispenser{
		url: "http://" + l.Addr().String() + dispenserPath, token: rand.Text() + rand.Text(),
		source: s, ctx: ctx, held: first, minted: time.Now(),
	}
	d.server = &http.Server{Handler: d, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = d.server.Serve(l) }()
	return d, nil
}

func (d *dispenser) close() { _ = d.server.Close() }

func (d *dispenser) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	host, _, err := net.SplitHostPort(r.Host)
	proved := subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(d.token)) == 1
	if err != nil || !login.LoopbackName(host) || !proved || r.Method != http.MethodGet || r.URL.Path != dispenserPath || r.URL.RawQuery != "" {
		w.WriteHeader(http.StatusForbidden)
		d.answer(w, map[string]string{"code": "AccessDenied", "message": "These credentials are for the child of writ exec."})
		return
	}
	m, err := d.current()
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		d.answer(w, map[string]string{"code": "ServiceUnavailable", "message": "writ exec could not get credentials: " + err.Error()})
		return
	}
	d.answer(w, map[string]string{
		"AccessKeyId": m.AccessKeyID, "SecretAccessKey": m.SecretAccessKey, "Token": m.SessionToken,
		"Expiration": m.Expires.UTC().Format(time.RFC3339),
	})
}

func (d *dispenser) answer(w http.ResponseWriter, doc map[string]string) {
	_ = json.NewEncoder(w).Encode(doc) // the child has gone, or reads it
}

// current is the session at hand, or a new one once half of its life is over:
// a shell script of many short commands makes one mint, not many.
func (d *dispenser) current() (api.MintAnswer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if d.held.Expires.Sub(now) > d.held.Expires.Sub(d.minted)/2 {
		return d.held, nil
	}
	m, err := d.source.mint(d.ctx, asSession)
	if err != nil {
		if !d.failed {
			fmt.Fprintf(os.Stderr, "writ exec: getting credentials: %v\n", err)
		}
		d.failed = true
		if d.held.Expires.Sub(now) > time.Minute {
			return d.held, nil // it counts for a while yet: the gateway says at each use
		}
		return api.MintAnswer{}, err
	}
	d.held, d.minted, d.failed = m, now, false
	return m, nil
}
