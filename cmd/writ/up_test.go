package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestAStopBeforeReadyIsNoError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	up := upCmd{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Demo: true, LogFormat: "text"}
	up.Data = filepath.Join(t.TempDir(), "data")
	if err := up.Run(ctx); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dataDir(up.Data).endpoints()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the server that never was is announced: %v", err)
	}
}

func TestAStopDoesNotHideWhatWasWrong(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	up := upCmd{Listen: "127.0.0.1:0", AdminListen: "0.0.0.0:0", Demo: true, LogFormat: "text"}
	up.Data = filepath.Join(t.TempDir(), "data")
	if err := up.Run(ctx); err == nil {
		t.Error("a control plane beyond this machine was no error")
	}
}
