package main

import (
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/writ-project/writ/internal/demo"
)

// issuer is an OIDC issuer on loopback that can be taken down.
type issuer struct {
	url    string
	down   atomic.Bool
	signer *demo.Issuer
	server *http.Server
}

func startIssuer() (*issuer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &issuer{url: "http://" + l.Addr().String()}
	if i.signer, err = demo.NewIssuer(i.url); err != nil {
		return nil, err
	}
	i.server = &http.Server{Handler: i, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = i.server.Serve(l) }()
	return i, nil
}

// ServeHTTP serves keys; while it is down, it ends every connection.
func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if i.down.Load() {
		panic(http.ErrAbortHandler)
	}
	i.signer.ServeHTTP(w, r)
}
