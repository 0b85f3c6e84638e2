package identifier

import (
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/idnumber"
)

// iban reads an IBAN (ISO 13616) in any case, bare or in groups with spaces or
// hyphens; its country says how long it is.
func (s *scanner) iban(best *candidate, start int) {
	b := s.b
	if start+14 > len(b) || !isLetter(b[start]) || !isLetter(b[start+1]) || !opens(b, start) {
		return
	}
	country := [2]byte{upper(b[start]), upper(b[start+1])}
	want := idnumber.IBANLength(country[:])
	if want == 0 || want > maxCompact {
		return
	}
	end, ok := s.gather(start, want)
	if !ok || !closes(b, end) || !isDigit(s.compact[2]) || !isDigit(s.compact[3]) {
		return
	}
	f := dataclass.Finding{Entity: dataclass.IBAN, Start: start, End: end, Score: 92, Detector: detector, Check: "mod97"}
	if cue, spoken := s.speaks(s.look(start), forIbanAccount, end, cueReach); spoken {
		f.Score, f.Cue = 97, cue
	}
	if !idnumber.IBAN(s.compact[:want]) {
		if f.Cue == "" {
			return
		}
		f.Entity, f.Score, f.Check = dataclass.BankAccount, mistyped, "" // still somebody's account
	}
	best.offer(f)
}

// gather collects n letters and digits in upper case with single separators
// between them, and returns where they end.
func (s *scanner) gather(start, n int) (end int, ok bool) {
	s.make()
	b, got, i, letters, even := s.b, 0, start, 0, true // in fours, as IBANs are printed
	for i < len(b) && got < n {
		switch c := b[i]; {
		case isAlnum(c):
			s.compact[got] = upper(c)
			got++
			if letters++; isDigit(c) {
				letters = 0
			}
			if letters > 4 && i-start >= got && !even {
				return 0, false // words
			}
		case c != ' ' && c != '-' && c != '.' || i == start || !isAlnum(b[i-1]):
			return 0, false
		default:
			even = even && got%4 == 0
		}
		i++
	}
	return i, got == n && isAlnum(b[i-1])
}

// bank reads a BIC (ISO 9362): eight or eleven capitals, which a cue or field
// must announce.
func (s *scanner) bank(at int) int {
	b, i := s.b, at
	if at > 0 && isWordByte(b[at-1]) {
		return at + 1
	}
	for i < len(b) && i-at < 12 && (b[i]-'A' < 26 || isDigit(b[i])) {
		i++
	}
	if n := i - at; n != 8 && n != 11 || i < len(b) && isWordByte(b[i]) || at < s.done || !idnumber.BIC(b[at:i]) {
		return at + 1
	}
	cue, ok := s.speaks(s.look(at), forSwift, i, cueReach)
	if !ok {
		return at + 1
	}
	return max(at+1, s.emit(dataclass.Finding{Entity: dataclass.SwiftCode, Start: at, End: i, Score: 88, Detector: detector, Check: "country", Cue: cue}))
}

// wallet reads an address of Bitcoin (Base58Check, Bech32) or Ethereum.
func (s *scanner) wallet(best *candidate, start, stop int) {
	n := stop - start
	if n < 26 || n > 90 || start > 0 && isWordByte(s.b[start-1]) || stop < len(s.b) && isWordByte(s.b[stop]) {
		return
	}
	if s.b[start] == '0' {
		s.ether(best, start, stop)
		return
	}
	if idnumber.BitcoinAddress(s.b[start:stop]) {
		best.offer(dataclass.Finding{Entity: dataclass.CryptoWallet, Start: start, End: stop, Score: 95, Detector: detector, Check: "checksum"})
	}
}

// ether reads 0x and forty hex digits; written in one case they may be any
// hash of that length, unless a cue says otherwise.
func (s *scanner) ether(best *candidate, start, stop int) {
	ok, checked := idnumber.Ethereum(s.b[start:stop])
	if !ok || start > 0 && isWordByte(s.b[start-1]) {
		return
	}
	f := dataclass.Finding{Entity: dataclass.CryptoWallet, Start: start, End: stop, Score: 65, Detector: detector}
	if checked {
		f.Score, f.Check = 92, "eip55"
	}
	if cue, spoken := s.speaks(s.look(start), forWallet, stop, cueReach); spoken {
		f.Score, f.Cue = 94, cue
	}
	best.offer(f)
}
