package identifier

import (
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/idnumber"
)

// maxSingle is how many digits that stand singly are looked at together.
const maxSingle = 64

// cardLengths are the lengths of card numbers, the usual ones first.
var cardLengths = [...]int{16, 15, 14, 19, 13}

// single looks for card numbers written digit by digit, 4 1 1 1 …, in a chain of
// digits with single separators; it returns where to go on, or 0 if the chain
// is too short to hold one. A chain over several lines must be the number and
// nothing else.
func (s *scanner) single(start int) int {
	var digits [maxSingle]byte
	n, _ := chain(&digits, s.b, start, false)
	if n < 13 {
		return s.column(&digits, start)
	}
	sums := luhnSums(digits[:n])
	for at := 0; at+13 <= n; at++ {
		if length := singleCard(digits[at:n], at, &sums); length > 0 {
			if end := s.singleFound(start+2*at, length, n-length); end > 0 {
				return end
			}
		}
	}
	if n == maxSingle {
		return start + 2*(n-19)
	}
	return start + 2*n - 1
}

// column is single for digits on several lines.
func (s *scanner) column(digits *[maxSingle]byte, start int) int {
	n, alone := chain(digits, s.b, start, true)
	switch {
	case n < 13:
		return 0
	case n > 19:
		return start + 2*max(0, alone-1)
	}
	sums := luhnSums(digits[:n])
	if singleCard(digits[:n], 0, &sums) != n {
		return 0
	}
	return s.singleFound(start, n, 0)
}

// chain reads single digits with single separators between them, and counts
// those at its beginning that have a line to themselves.
func chain(digits *[maxSingle]byte, b []byte, i int, lines bool) (n, alone int) {
	for n < maxSingle && i < len(b) && isDigit(b[i]) && !isDigitAt(b, i+1) {
		digits[n] = b[i]
		n++
		i += 2
		switch {
		case i >= len(b):
			return n, alone
		case lines && b[i-1] == '\n':
			if alone == n-1 {
				alone = n
			}
		case !rowSeparator[b[i-1]]:
			return n, alone
		}
	}
	return n, alone
}

// luhnSums are the sums of the digits up to each place, with those at even and
// at odd places doubled as Luhn's formula has it: the sum of any stretch is a
// difference of two.
func luhnSums(digits []byte) (sums [2][maxSingle + 1]uint16) {
	for i, c := range digits {
		v := uint16(c - '0')
		twice := 2 * v
		if twice > 9 {
			twice -= 9
		}
		sums[i&1][i+1] = sums[i&1][i] + twice
		sums[1-i&1][i+1] = sums[1-i&1][i] + v
	}
	return sums
}

// singleCard is the length of the card number that begins the digits, which
// stand at a place of the chain, or 0.
func singleCard(digits []byte, at int, sums *[2][maxSingle + 1]uint16) int {
	if digits[0] < '2' || digits[0] > '6' {
		return 0
	}
	for _, length := range cardLengths {
		if end := at + length; length <= len(digits) && (sums[end&1][end]-sums[end&1][at])%10 == 0 && idnumber.Card(digits[:length]) {
			return length
		}
	}
	return 0
}

// maxOver is how many digits more a chain may have than the card number in it,
// if no cue speaks for one: in longer ones any digits would do.
const maxOver = 3

// singleFound emits a card number, and returns its end if it counts.
func (s *scanner) singleFound(start, length, over int) int {
	end := start + 2*length - 1
	f := dataclass.Finding{Entity: dataclass.CardNumber, Start: start, End: end, Score: 80, Detector: detector, Check: "luhn"}
	c := s.look(start)
	cue, ok := s.speaks(c, forCard, end, cueReach)
	switch {
	case ok:
		f.Score, f.Cue = 95, cue
	case over > maxOver || c.against:
		f.Score = 45
	}
	return s.emit(f)
}
