package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"runtime/debug"
	"sync"
	"time"
)

const (
	proxyRole     = "serve-proxy"
	idlePerHost   = 1024
	copyBufferLen = 32 << 10
	proxyGOGC     = 200 // as `writ up` sets it: half the collections, for more memory
)

// serveProxy is what Writ is compared with: the reverse proxy of Go's own
// library, tuned as one would for this job, and doing nothing else. Its default
// of two idle connections per host alone would halve it under load.
func serveProxy(upstream string) error {
	to, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	debug.SetGCPercent(proxyGOGC)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("ready gateway=http://%s\n", l.Addr())
	server := &http.Server{Handler: tunedProxy(to), ReadHeaderTimeout: 10 * time.Second, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	return server.Serve(l)
}

func tunedProxy(to *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		FlushInterval: -1,
		BufferPool:    &buffers{},
		Transport: &http.Transport{
			MaxIdleConns: 4 * idlePerHost, MaxIdleConnsPerHost: idlePerHost,
			IdleConnTimeout: 90 * time.Second, DisableCompression: true,
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// With the body in memory, head and body leave in one write. Streamed,
		// the proxy breaks the answers of an upstream as fast as the stand-in:
		// the server closes the request's body at the answer's first flush,
		// before the transport has seen the body's end.
		body := make([]byte, max(r.ContentLength, 0))
		if _, err := io.ReadFull(r.Body, body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	})
}

// buffers lends the proxy its copy buffers.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, copyBufferLen)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
