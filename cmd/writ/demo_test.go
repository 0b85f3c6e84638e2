package main

import "testing"

func TestIsGoRun(t *testing.T) {
	for path, want := range map[string]bool{
		"/tmp/go-build123/b001/exe/writ":               true,
		"/home/dana/.cache/go-build/d6/d6a1f3…-d/writ": true,
		"/usr/local/bin/writ":                          false,
		"bin/writ":                                     false,
		"/home/dana/go/bin/writ":                       false,
	} {
		if isGoRun(path) != want {
			t.Errorf("%s: got %v", path, !want)
		}
	}
}
