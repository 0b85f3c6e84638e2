package dataclass

import (
	"regexp/syntax"
	"testing"
)

func TestPatternsThatTextCanMakeSlowAreRefused(t *testing.T) {
	for pattern, want := range map[string]bool{
		`\bPN-[0-9]{6}\b`:                           true,
		`[A-Z]{2}-[0-9]{4,8}`:                       true,
		`(?i)project\s+(?:falcon|eagle|osprey)`:     true,
		`\b[0-9]{13,16}\b`:                          true,
		`(?:EMP|CTR)[0-9]{5,9}(?:-[A-Z]{1,3})?`:     true,
		`[\p{L}0-9._%+-]+@corp\.example\.org`:       true,
		`confidential[^\n]*do not distribute`:       true,
		`confidential[^\n]{0,200}do not distribute`: false, // it counts from every "confidential" before
		`x[a-z0-9]{20}y`:                            false,
		`x[a-z0-9]{100}y`:                           false,
		`(?:[0-9][a-z0-9]{0,60}x){3}y`:              false,
		`(?:a|b)[ab]{40}c`:                          true, // the same wherever it begins
		`[a-z]+[0-9][a-z0-9]{30}!`:                  false,
	} {
		re, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		if got := steady(re); got != want {
			t.Errorf("%s: steady %v, want %v", pattern, got, want)
		}
	}
}
