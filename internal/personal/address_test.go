package personal_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/personal"
)

func TestAddressesAreFound(t *testing.T) {
	tests := []struct{ text, want string }{
		{"Ship to 48 Larkspur Lane, Apt 5B, Denver, CO 80203 please.", "48 Larkspur Lane, Apt 5B, Denver, CO 80203"},
		{"He lives at 7 Mill Road.", "7 Mill Road"},
		{"She moved to 221C Archer Street, London NW1 6XE last year.", "221C Archer Street, London NW1 6XE"},
		{"I am at 1600 North 42nd Street Suite 300, Seattle WA", "1600 North 42nd Street Suite 300, Seattle WA"},
		{"Mail P.O. Box 881, Fargo, ND 58102.", "P.O. Box 881, Fargo, ND 58102"},
		{"Write to PSC 12, Box 345\nAPO AE 09012", "PSC 12, Box 345\nAPO AE 09012"},
		{"Anschrift: Lindenstraße 14, 50674 Köln", "Lindenstraße 14, 50674 Köln"},
		{"Wir wohnen Lange Straße 3a, 76530 Baden-Baden.", "Lange Straße 3a, 76530 Baden-Baden"},
		{"Habite au 12, rue de la Gare, 69003 Lyon.", "12, rue de la Gare, 69003 Lyon"},
		{"Domicilio: C/ Virgen del Puerto, 23.", "C/ Virgen del Puerto, 23"},
		{"vive en la calle Serrano nº 5", "calle Serrano nº 5"},
		{"abita in Via Manzoni 22, 20121 Milano", "Via Manzoni 22, 20121 Milano"},
		{"mora na Rua das Laranjeiras, 123, Lisboa", "Rua das Laranjeiras, 123, Lisboa"},
		{"mieszka przy ul. Kwiatowej 15/4, 00-238 Warszawa", "ul. Kwiatowej 15/4, 00-238 Warszawa"},
		{"woont op Kerkstraat 9", "Kerkstraat 9"},
		{"bor på Storgatan 11, Uppsala", "Storgatan 11, Uppsala"},
		{"ship to 9 elm street today", "9 elm street"},
		{"I moved to 4417 Rosalind Forges, Port Abner, OH 44102.", "4417 Rosalind Forges, Port Abner, OH 44102"},
		{"It stands at 12 Quibell Ridge\nNorth Abner, TX 75001-1234", "12 Quibell Ridge\nNorth Abner, TX 75001-1234"},
		{"We are at 165 3rd Avenue, Dayton, Ohio 45402", "165 3rd Avenue, Dayton, Ohio 45402"},
		{"Pick me up from 20 The Crescent at noon.", "20 The Crescent"},
		{"livrer au 86 Avenue de la Tour, 69003 Lyon", "86 Avenue de la Tour, 69003 Lyon"},
		{"près du 7 avenue d'Alsace, 75010 Paris", "7 avenue d'Alsace, 75010 Paris"},
		{"Emil-Nolde-Str. 9a\n24103 Kiel", "Emil-Nolde-Str. 9a\n24103 Kiel"},
		{"Prinsengracht 768 II, 1017 KZ Amsterdam", "Prinsengracht 768 II, 1017 KZ Amsterdam"},
		{"bor på Lindas Väg 22", "Lindas Väg 22"},
		{"vivo en Masía Quibell 8\n28013 Madrid. Adiós", "Masía Quibell 8\n28013 Madrid"},
		{"Nadia\nrynek Nowacki 90c, 77-561 Krajenka", "rynek Nowacki 90c, 77-561 Krajenka"},
		{"stuur het naar Zonnehof 3, 3811 NC Amersfoort.", "Zonnehof 3, 3811 NC Amersfoort"},
		{"mieszka przy rondo Mogilskie 5", "rondo Mogilskie 5"},
	}
	for _, tt := range tests {
		if d := cmp.Diff([]string{tt.want}, counted(tt.text, dataclass.Address)); d != "" {
			t.Errorf("%q: %s", tt.text, d)
		}
	}
}

func TestWhatIsNoAddressIsNotFound(t *testing.T) {
	for _, text := range []string{
		"1. Executive View\n2. Technical View",
		"### C. Import and Runtime",
		"There are 12 ways to cross the road.",
		"It took 3 Drive failures and $5 Main cost.",
		"via Zoom at 10, calle",
		"Version 2.0 Street edition",
		"Copyright 1996, Moira Downs. All rights reserved.",
		"01/15: Withdrawal $200, Engineering 101",
		"append U+003B to it",
		"See Table 3, 10000 iterations; Python 3, 12000 Users; Chapter 12, 1999 Edition",
		"",
	} {
		if got := counted(text, dataclass.Address); got != nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestAStreetIsNotAlsoAName: the name in a street's name is part of the address.
func TestAStreetIsNotAlsoAName(t *testing.T) {
	if got := counted("It is at 12 Martin Luther King Boulevard, Austin.", dataclass.Name); got != nil {
		t.Fatalf("%q", got)
	}
}

// TestTheAddressOfAFieldGoesOnBelow: where the lines below add a town with its
// postcode, and nothing else.
func TestTheAddressOfAFieldGoesOnBelow(t *testing.T) {
	const first = "17 Quibell Lane"
	for _, tt := range []struct{ below, want string }{
		{"\nPort Abner, OH 44102", first + "\nPort Abner, OH 44102"},
		{"\nCamden\nNW1 6XE\nPhone: 1", first + "\nCamden\nNW1 6XE"},
		{"\nOtherwise call us", first},
		{"\n\nPort Abner, OH 44102", first},
	} {
		text := dataclass.Text{Bytes: []byte(first + tt.below), Names: []string{"address"}, Fields: []dataclass.Field{{Start: 0, End: len(first)}}}
		found := personal.Scan(nil, &text, nil, &dataclass.Budget{Findings: 100})
		if len(found) == 0 || string(text.Bytes[found[0].Start:found[0].End]) != tt.want {
			t.Errorf("%q: %+v, want %q", tt.below, found, tt.want)
		}
	}
}
