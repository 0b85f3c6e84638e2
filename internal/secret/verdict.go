package secret

import (
	"bytes"
	"strings"
)

// content is what a value is made of.
type content struct {
	lower, upper, digits int
	symbols              int // neither letter nor digit, nor what joins words
	marks                int // of the symbols, the ones that passwords have and words do not
	joins                int // _ - . and spaces
	changes              int // from letters to digits and back, and from lower case to upper within a word
	high                 int // bytes beyond ASCII
}

func contentOf(b []byte) content {
	var c content
	before := byte(0)
	for _, x := range b {
		kind := byte(0)
		switch {
		case isLower(x):
			c.lower++
			kind = 1
		case isUpper(x):
			c.upper++
			kind = 2
		case isDigit(x):
			c.digits++
			kind = 3
		case x >= 0x80:
			c.high++
		case x == '_' || x == '-' || x == '.' || x == ' ':
			c.joins++
		default:
			c.symbols++
			if marks.has(x) {
				c.marks++
			}
		}
		if kind != 0 && before != 0 && kind != before && (kind == 3 || before == 3 || before == 1) {
			c.changes++
		}
		before = kind
	}
	return c
}

var marks = setOf("!@#$%^&*+=~?")

func (c *content) letters() int { return c.lower + c.upper }

// random reports whether a value looks drawn and not named: an identifier made
// of words changes between letters and digits seldom, and repeats letters.
func random(b []byte) bool {
	c := contentOf(b)
	if c.letters() == 0 || c.digits == 0 || c.high > 0 {
		return false
	}
	bits := entropy(b)
	return c.changes >= 4 && bits > 2.9 || bits > 4.3 && c.digits > 1
}

// ofNoUse reports whether a value says of itself, in a part of its own, that it
// opens nothing worth having.
func ofNoUse(b []byte) bool {
	from := 0
	for i := 0; i <= len(b); i++ {
		if i < len(b) && isWord(b[i]) && b[i] != '_' {
			continue
		}
		switch part := b[from:i]; len(part) {
		case 3:
			if hasFold(part, "sbx") {
				return true
			}
		case 4:
			if hasFold(part, "test") || hasFold(part, "fake") || hasFold(part, "demo") || hasFold(part, "mock") {
				return true
			}
		case 7:
			if hasFold(part, "sandbox") {
				return true
			}
		}
		from = i + 1
	}
	return false
}

// uuid reports whether b is a UUID, which is more often a name than a secret.
func uuid(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !isDigit(c) && (lower(c) < 'a' || lower(c) > 'f') {
			return false
		}
	}
	return true
}

// maxPlain is the longest value that is asked whether it stands for another.
const maxPlain = 512

// placeholders are what people write where a secret would stand; notValues,
// what is a word of a language or a format and no secret.
const (
	placeholders = `your example placeholder changeme change_me change-me changethis replace insert redacted removed masked hidden dummy
 xxxx **** .... #### ____ 0000000 1234567890123456 todo fixme notreal sample anonymous@ < put_ enter_ my_secret my-secret my_password mypassword my-password
 test_key process.env os.environ getenv secrets. vault: {{ }} ${ $( %s %v %d env. env[ sops: enc[ ssm: secretsmanager arn:aws:`
	notValues = `true false null none nil undefined string str text int integer number float double bool boolean bytes object array list dict map any void optional required nullable
 yes no on off ok default empty unknown auto the a an of for and or if in is not be to with your my our their its his her this that it as by from at
 env file path url uri value values name names key keys token tokens secret secrets password passwords passwd pass user username login email admin_password hash hashed plain basic bearer digest oauth
 type hidden input field label varchar char binary base64 json yaml xml html hex sha256 sha512 md5 bcrypt argon2 pbkdf2 scrypt rsa ed25519 aes
 self request response data config settings options params args props state props.value getpass prompt stdin read disabled enabled never always
 invalid incorrect wrong correct missing expired valid weak strong short long forgotten lost stolen reset changed change updated update set sent new old confirm confirmation
 protected encrypted secure safe private public internal external generated stored saved shown visible
 const let var func function return new await async static final class import export
 access refresh id session auth client server api sensitive write-only writeonly readonly read-only password-hash abcd abcdef
 passwort kennwort contrasena contraseña senha heslo lozinka wachtwoord parola haslo hasło losenord lösenord adgangskode salasana jelszo geslo slaptazodis parole
 uint8 uint16 uint32 uint64 int8 int16 int32 int64 latin1 utf8 utf-8 utf-16 utf-16le ascii anonymous fail failed skip skipped
 pw pwd pswd passw mypass yourpass foobar foo bar baz testing demo
 obligatorio requerido necesaria incorrecta erforderlich falsch vergessen requis obligatoire incorrect oublie wymagane nieprawidlowe vereist verplicht richiesta obrigatoria`
)

// placeholder reports whether a value stands for a secret and is none.
func (r *ruleset) placeholder(b []byte) bool {
	if len(b) == 0 || len(b) > maxPlain || monotone(b) {
		return len(b) <= maxPlain
	}
	if reference(b) {
		return true
	}
	var room [maxPlain]byte
	low := room[:len(b)]
	for i, c := range b {
		low[i] = lower(c)
	}
	word, _, _ := bytes.Cut(low, []byte("|"))
	return r.plain[string(word)] || repeats(low) || r.stands.within(low)
}

// reference reports whether a value names where the secret is: a variable, a
// template, an expression.
func reference(b []byte) bool {
	switch first, last := b[0], b[len(b)-1]; first {
	case '$':
		return len(b) > 1 && (b[1] == '{' || b[1] == '(' || isWord(b[1]) && allName(b[1:]))
	case '{', '[', '(', '<':
		if first == '[' && bytes.IndexByte(b, ']') > 0 {
			return true
		}
		return (last == first+2 || last == ')' && first == '(') && !random(b[1:len(b)-1])
	case '!':
		return allName(b[1:])
	case '\\':
		return len(b) > 1 && b[1] == '('
	case '&':
		return bytes.HasPrefix(b, []byte("&lt")) || bytes.HasPrefix(b, []byte("&#"))
	case '%', '@', ':', '#':
		return last == first && len(b) > 2 || allUpper(b[1:])
	case '/':
		return bytes.Count(b, []byte("/")) > 1 && contentOf(b).digits < 3
	}
	return false
}

func allName(b []byte) bool {
	for _, c := range b {
		if !isName(c) || isDigit(c) {
			return false
		}
	}
	return true
}

func allUpper(b []byte) bool {
	for _, c := range b {
		if !isUpper(c) && c != '_' {
			return false
		}
	}
	return true
}

// repeats reports whether a value is one or two characters over and over, or
// nearly so.
func repeats(b []byte) bool {
	var seen [256]bool
	kinds := 0
	for _, c := range b {
		if seen[c] {
			continue
		}
		seen[c] = true
		if kinds++; kinds > 2 {
			return false
		}
	}
	return len(b) >= 6
}

func wordSet(words string) map[string]bool {
	set := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}
