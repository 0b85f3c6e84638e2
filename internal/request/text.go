package request

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckText judges free text that others will read beside a button: valid UTF-8,
// at most MaxText bytes, and nothing that makes it look like what it is not —
// control characters other than newline and tab, directional overrides, line
// separators, invisible tag characters. Error texts begin with the field's name.
func CheckText(field, text string) error {
	if len(text) > MaxText {
		return fmt.Errorf("%s: %d bytes: want at most %d", field, len(text), MaxText)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%s: want valid UTF-8", field)
	}
	for _, c := range text {
		if c != '\n' && c != '\t' && deceptive(c) {
			return fmt.Errorf("%s: %U is not allowed in text", field, c)
		}
	}
	return nil
}

// checkLine judges a text of one line and at most a number of bytes.
func checkLine(field, text string, most int) error {
	if len(text) > most {
		return fmt.Errorf("%s: %d bytes: want at most %d", field, len(text), most)
	}
	if strings.ContainsAny(text, "\n\t") {
		return fmt.Errorf("%s: want one line", field)
	}
	return CheckText(field, text)
}

func deceptive(c rune) bool {
	switch {
	case unicode.IsControl(c), c == 0x2028, c == 0x2029: // and what breaks lines unseen
		return true
	case c >= 0x202A && c <= 0x202E, c >= 0x2066 && c <= 0x2069: // bidirectional embeddings, overrides, isolates
		return true
	}
	return c >= 0xE0000 && c <= 0xE007F // tags: text that no reader sees
}

// checkParty judges who acted. The longest names are those of people: an address.
func checkParty(field string, p Party) error {
	if p.Operator == "" {
		return fmt.Errorf("%s: operator is required", field)
	}
	return errors.Join(
		checkLine(field+": operator", p.Operator, 64),
		checkLine(field+": person", p.Person, 254),
		checkLine(field+": via", p.Via, 32),
	)
}
