package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"

	"github.com/writ-project/writ/internal/store"
)

// maxKey bounds an idempotency key, in bytes.
const maxKey = 128

// once performs an operation that carries an Idempotency-Key at most once: the
// same request with the same key gets the same answer, another request with it is
// refused. Keys are the caller's own: nobody is answered with another's.
func (s *Server) once(w http.ResponseWriter, c *call, r *route, key string) {
	if len(key) > maxKey || !plain(key) {
		s.refuse(w, c.Request, bad("the Idempotency-Key: want at most %d printable bytes", maxKey))
		return
	}
	earlier, err := s.cfg.Store.Begin(c.ctx(), c.actor.Name, key, c.digest())
	switch {
	case err != nil:
		s.refuse(w, c.Request, err)
		return
	case earlier != nil:
		w.Header().Set("Idempotency-Replayed", "true")
		answer(w, earlier.Status, earlier.Body)
		return
	}
	status, body := s.perform(c, r)
	if err := s.keep(c, key, status, body); err != nil && !errors.Is(err, store.ErrNotFound) {
		s.cfg.Log.Warn("an answer could not be kept for its Idempotency-Key", "operation", r.id, "err", err)
	}
	answer(w, status, body)
}

// keep keeps what was done, whether or not the caller still listens. A request
// that was refused did nothing: its key is free for the corrected one.
func (s *Server) keep(c *call, key string, status int, body []byte) error {
	ctx := context.WithoutCancel(c.ctx())
	if status >= 400 && status < 500 {
		return s.cfg.Store.GiveUp(ctx, c.actor.Name, key)
	}
	return s.cfg.Store.Finish(ctx, c.actor.Name, key, status, body)
}

// digest pins what a key stands for: method, path, query and body.
func (c *call) digest() [sha256.Size]byte {
	var all []byte
	for _, part := range [][]byte{[]byte(c.Method), []byte(c.URL.Path), []byte(c.URL.RawQuery), c.body} {
		sum := sha256.Sum256(part)
		all = append(all, sum[:]...)
	}
	return sha256.Sum256(all)
}
