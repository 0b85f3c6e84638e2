package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/writ-project/writ/internal/certificate"
	"github.com/writ-project/writ/internal/rights"
)

// certificateFlag is for verbs whose answers can be certified.
type certificateFlag struct {
	Certificate string `help:"Write a certificate of the answer, which writ iam verify checks without the algebra." placeholder:"FILE"`
}

// write writes certificates, one a line. why says why one is missing.
func (f certificateFlag) write(certs []*certificate.Certificate, why error) error {
	if f.Certificate == "" {
		return nil
	}
	if why != nil {
		if errors.Is(why, rights.ErrNoCertificate) {
			return withHint(why, "the answer stands; only its certificate cannot be written")
		}
		return why
	}
	var out bytes.Buffer
	for _, c := range certs {
		line, err := c.Encode()
		if err != nil {
			return err
		}
		out.Write(line)
		out.WriteByte('\n')
	}
	if err := os.WriteFile(f.Certificate, out.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "wrote", f.Certificate)
	return nil
}
