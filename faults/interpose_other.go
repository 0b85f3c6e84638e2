//go:build !(linux && amd64)

package main

import "errors"

// canInterpose says that this platform has no tracer.
const canInterpose = false

func serveInterposed([]string) error {
	return errors.New("standing between a program and its kernel is written for Linux on amd64 only")
}
