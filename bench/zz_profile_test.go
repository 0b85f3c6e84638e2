package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/store"
)

func TestZZProfile(t *testing.T) {
	dsn := os.Getenv("W2_DSN")
	if dsn == "" {
		t.Skip()
	}
	ctx := context.Background()
	c := crowd{20_000, 200_000, 0}
	db, err := store.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := c.filled(ctx, db); err != nil {
		t.Fatal(err)
	}
	f, _ := os.Create(os.Getenv("W2_PROF"))
	pprof.StartCPUProfile(f)
	var out engine
	source, err := c.cold(ctx, db, &out)
	pprof.StopCPUProfile()
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("cold %.2f cpu %.2f rows %.2f per %.0f\n", out.Cold, out.ColdCPU, out.Rows, out.PerUnit)
	if os.Getenv("W2_EDIT") != "" {
		f, _ := os.Create(os.Getenv("W2_EDIT"))
		pprof.StartCPUProfile(f)
		l, err := c.changes(ctx, db, source)
		pprof.StopCPUProfile()
		f.Close()
		fmt.Println(l, err)
	}
	_ = time.Now
}
