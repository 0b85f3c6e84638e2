package main

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/writ-project/writ/internal/writtest"
)

func newAuthorities(s *story, ts *testscript.TestScript, args []string) error {
	if len(args) < 2 {
		return errUsage
	}
	var all []*writtest.Authority
	for _, domain := range args[1:] {
		all = append(all, writtest.NewAuthority(s.tb, domain))
	}
	s.cas.Store(args[0], all[0])
	return os.WriteFile(ts.MkAbs(args[0]+".pem"), writtest.Bundle(all...), 0o600)
}

func newSVID(s *story, ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	ca, ok := s.cas.Load(args[0])
	if !ok {
		return errUsage
	}
	writtest.WriteSVID(s.tb, ts.MkAbs("."), ca.(*writtest.Authority).SVID(s.tb, args[1], nil))
	return nil
}
