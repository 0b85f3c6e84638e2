package main

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestSystemdIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	s := &server{log: quietLog()}
	s.tellSystemd("READY=1")
	_ = l.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 100)
	n, err := l.Read(b)
	if err != nil || string(b[:n]) != "READY=1\n" {
		t.Errorf("told %q, %v", b[:n], err)
	}
	t.Setenv("NOTIFY_SOCKET", path+"-gone")
	s.tellSystemd("STOPPING=1") // nobody listens: no harm
	t.Setenv("NOTIFY_SOCKET", "")
	s.tellSystemd("STOPPING=1")
}
