package main

import (
	"strings"
	"testing"
)

func TestVerdict(t *testing.T) {
	const pass = `{"Action":"pass","Package":"p","Test":"TestA"}` + "\n"
	for name, c := range map[string]struct {
		in   string
		ok   bool
		want string
	}{
		"all pass":     {pass + `{"Action":"pass","Package":"p"}`, true, "1 passed, 0 failed, 0 skipped"},
		"one fails":    {pass + `{"Action":"fail","Package":"p","Test":"TestB"}` + "\n" + `{"Action":"fail","Package":"p"}`, false, "1 passed, 1 failed, 0 skipped"},
		"one skips":    {pass + `{"Action":"skip","Package":"p","Test":"TestC"}`, false, "1 passed, 0 failed, 1 skipped"},
		"no build":     {pass + `{"Action":"build-fail","ImportPath":"q"}`, false, "1 passed, 1 failed, 0 skipped"},
		"panic":        {pass + `{"Action":"fail","Package":"q"}`, false, "1 passed, 1 failed, 0 skipped"},
		"nothing ran":  {`{"Action":"pass","Package":"p"}`, false, "0 passed, 0 failed, 0 skipped"},
		"no tests yet": {pass + `{"Action":"skip","Package":"p"}`, true, "1 passed, 0 failed, 0 skipped"},
	} {
		var out strings.Builder
		v := &tally{out: &out, output: map[string][]string{}, failing: map[string]bool{}}
		if err := v.read(strings.NewReader(c.in)); err != nil {
			t.Fatal(err)
		}
		if ok := v.verdict(); ok != c.ok || !strings.HasSuffix(strings.TrimSpace(out.String()), c.want) {
			t.Errorf("%s: ok %v, printed:\n%s", name, ok, out.String())
		}
	}
}
