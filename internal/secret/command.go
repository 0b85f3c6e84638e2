package secret

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// option is where a program takes a password on its command line.
type option struct {
	flag     string
	attached bool   // in the same word only: what is parted from it is something else
	behind   string // in a value that begins with a name, what parts the two
}

// options are by the programs' names, as the manuals have them; curl is in
// gitleaks' rules.
var options = map[string]option{
	"sshpass ": {flag: "-p"}, "mysql ": {flag: "-p", attached: true}, "mysqldump ": {flag: "-p", attached: true}, "mysqladmin ": {flag: "-p", attached: true},
	"docker login ": {flag: "-p"}, "podman login ": {flag: "-p"}, "registry login ": {flag: "-p"}, "twine upload ": {flag: "-p"}, "az login ": {flag: "-p"}, "oc login ": {flag: "-p"}, "cf login ": {flag: "-p"},
	"mongo ": {flag: "-p"}, "mongosh ": {flag: "-p"}, "mongodump ": {flag: "-p"}, "mongorestore ": {flag: "-p"}, "lftp ": {flag: "-u", behind: ","}, "smbclient ": {flag: "-U", behind: "%"},
	"ldapsearch ": {flag: "-w"}, "ldapadd ": {flag: "-w"}, "ldapmodify ": {flag: "-w"}, "ldapdelete ": {flag: "-w"}, "ldapwhoami ": {flag: "-w"}, "sqlcmd ": {flag: "-P"}, "bcp ": {flag: "-P"},
	"redis-cli ": {flag: "-a"}, "snmpwalk ": {flag: "-c"}, "snmpget ": {flag: "-c"}, "rdesktop ": {flag: "-p"}, "winexe ": {flag: "-U", behind: "%"}, "ipmitool ": {flag: "-P"}, "net use ": {flag: "/user:"},
}

// command finds the password on a command line.
func (s *scan) command(word string, start, end int) {
	if start < s.last[ownCommand] || start > 0 && isName(s.text[start-1]) {
		return
	}
	line := s.restOfLine(end)
	if stop := bytes.IndexAny(line, "|;"); stop >= 0 {
		line = line[:stop]
	}
	s.last[ownCommand] = end + len(line)
	o := options[word]
	for at := skip(line, 0, &blanks, 16); at < len(line); at = nextWord(line, at) {
		if !bytes.HasPrefix(line[at:], []byte(o.flag)) {
			continue
		}
		if from, to := o.argument(line, at); to > from {
			s.option(word, end+from, end+to)
			return
		}
	}
}

// argument is the password that the option at at gives.
func (o *option) argument(line []byte, at int) (from, to int) {
	from = at + len(o.flag)
	if o.flag == "/user:" {
		from = nextWord(line, at)
	} else if from == len(line) || isSpace(line[from]) {
		if o.attached {
			return 0, 0
		}
		from = skip(line, from, &blanks, 16)
	}
	from, to = unquoted(line, from)
	if o.behind != "" {
		name := bytes.Index(line[from:to], []byte(o.behind))
		if name < 1 {
			return 0, 0
		}
		from += name + len(o.behind)
	}
	return from, to
}

// piped finds what a line echoes to a program that takes a password, alone or
// behind the name of an account.
func (s *scan) piped(start int, named bool) {
	pipe := start - 1
	for pipe > 0 && s.text[pipe] == ' ' {
		pipe--
	}
	if pipe < 0 || s.text[pipe] != '|' {
		return
	}
	start = pipe
	from := max(0, start-maxPassword)
	echo := bytes.LastIndex(s.text[from:start], []byte("echo "))
	if echo < 0 || bytes.IndexByte(s.text[from+echo:start], '\n') >= 0 {
		return
	}
	from += echo + len("echo ")
	at, to := unquoted(s.text[:start], skip(s.text[:start], from, &blanks, 4))
	if named {
		colon := bytes.IndexByte(s.text[at:to], ':')
		if colon < 0 {
			return
		}
		at += colon + 1
	}
	s.option("echo", at, to)
}

// source finds the password in the address of a database as Go's drivers have
// it, user:password@tcp(host) (https://github.com/go-sql-driver/mysql#dsn-data-source-name).
func (s *scan) source(start int) {
	from := start
	for from > s.last[ownSource] && start-from < maxSetting && !stops(s.text[from-1]) {
		from--
	}
	s.last[ownSource] = start
	colon := bytes.IndexByte(s.text[from:start], ':')
	if colon < 1 || run(s.text[from:from+colon], 0, &accountSet) < colon || from+colon+1 >= start {
		return
	}
	s.option("@", from+colon+1, start)
}

func (s *scan) option(word string, from, to int) {
	v := s.text[from:to]
	if len(v) < 4 || v[0] == '-' || v[0] == '/' || v[0] == '$' || s.rules.placeholder(v) || contentOf(v).digits == len(v) && len(v) < 6 {
		return
	}
	s.keep(dataclass.Password, from, to, assigned, "command-password", word)
}
