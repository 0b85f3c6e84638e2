package secret

import "github.com/writ-project/writ/internal/dataclass"

// What the detectors in code look for.
const (
	ownPEM own = iota
	ownJWT
	ownAddress
	ownScheme
	ownCookie
	ownPassword
	ownToken
	ownAccessKey
	ownSession
	ownDirective
	ownSealed
	ownCommand
	ownCall
	ownTable
	ownRows
	ownRelay
	ownPiped
	ownSource
	ownPrefixed
	lastKinds
)

// genericRule is gitleaks' name for a secret of no service in particular.
const genericRule = "generic-api-key"

// Scores of what the detectors in code find: a value that a name speaks for,
// and one that it only hints at.
const (
	assigned = 70
	hinted   = dataclass.Possible
)

// ownWords are the words that each detector in code starts from, in lower
// case, parted by |.
var ownWords = [...]string{
	ownPEM:     "-----begin|---- begin|private-lines:",
	ownJWT:     "eyj",
	ownAddress: "://",
	ownScheme:  "bearer|basic|authorization",
	ownCookie:  "cookie",
	ownPassword: "password|passwd|passwort|passphrase|passcode|pwd|pass|pw|pswd|kennwort|contraseña|contraseÑa|contrasena|clave|mot de passe|motdepasse|mdp|" +
		"senha|palavra-passe|hasło|haslo|wachtwoord|parola|lösenord|losenord|adgangskode|passord|salasana|heslo|jelszó|şifre|пароль|密码|密碼|パスワード|비밀번호|identified by|psk|wep_key|authtok",
	ownToken: "token|secret|apikey|api_key|api-key|api key|access key|access_key|accesskey|access-key|client_secret|private_key|privatekey|signing_key|" +
		"encryption_key|auth_key|authkey|account_key|accountkey|shared_key|sharedaccesskey|sig|session|sessionid|sid|credential|creds|auth|" +
		"license_key|master_key|masterkey|secretkey|schlüssel|clé|llave|klucz|chave|salt|key",
	ownAccessKey: "akia|asia|abia|acca|a3t",
	ownSession:   "iqoj|fwog",
	ownDirective: "bindpw|rootpw|requirepass|masterauth|rocommunity|rwcommunity|snmp-server community|snmp community|com2sec|createuser|isakmp key|enable secret|enable password|" +
		"radius-server |tacacs-server |nickserv identify",
	ownTable:    "create table ",
	ownRelay:    "]:25 |]:465 |]:587 |]:2525 ",
	ownPiped:    "chpasswd|sudo -s",
	ownSource:   "@tcp(|@unix(",
	ownPrefixed: "_live_|_prod_|_pat_|_sk_|_key_|_secret_|_token_|_api_|_apikey_|_oat_",
	ownRows:     "insert into ",
	ownSealed:   "password 0 |password 5 |password 7 |password 8 |password 9 |secret 0 |secret 5 |secret 7 |secret 8 |secret 9 |key 6 |key 7 |key 0 ",
}

func (s *scan) own(kind own, word string, start, end int) {
	switch kind {
	case ownPEM:
		s.privateKey(start, end)
	case ownJWT:
		s.webToken(start)
	case ownAddress:
		s.address(start, end)
	case ownScheme:
		s.scheme(start, end)
	case ownCookie:
		s.cookie(end)
	case ownPassword, ownToken:
		s.assignment(kind, word, start, end)
	case ownAccessKey:
		s.accessKey(start)
	case ownSession:
		s.sessionToken(start)
	case ownDirective:
		s.directive(word, start, end)
	case ownTable:
		s.table(end)
	case ownRelay:
		s.relay(end)
	case ownPiped:
		s.piped(start, word == "chpasswd")
	case ownSource:
		s.source(start)
	case ownPrefixed:
		s.prefixed(start, end)
	case ownRows:
		s.rows(end)
	case ownSealed:
		s.sealedWord(word, end)
	case ownCommand:
		s.command(word, start, end)
	case ownCall:
		s.call(word, end)
	}
}

// keep adds what a detector in code found.
func (s *scan) keep(entity dataclass.Entity, from, to, score int, rule, cue string) {
	s.add(dataclass.Finding{Entity: entity, Start: from, End: to, Score: score, Rule: rule, Cue: cue})
}
