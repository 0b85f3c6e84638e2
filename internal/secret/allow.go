package secret

// allowlist says what a rule found is no secret after all.
type allowlist struct {
	all        bool // every one of its tests, in place of any
	target     string
	exceptions []*exception
	stopwords  *keywords
}

func newAllowlist(l listed) (*allowlist, error) {
	a := &allowlist{all: l.Condition == "AND" || l.Condition == "&&", target: l.RegexTarget}
	for _, source := range l.Regexes {
		x, err := newException(source)
		if err != nil {
			return nil, err
		}
		a.exceptions = append(a.exceptions, x)
	}
	if len(l.Stopwords) > 0 {
		a.stopwords = newKeywords(l.Stopwords)
	}
	return a, nil
}

// allows reports whether the list lets a match pass.
func (a *allowlist) allows(m *match) (bool, error) {
	if a == nil {
		return false, nil
	}
	stopped := a.stopwords != nil && a.stopwords.within(m.secret())
	excepted, err := a.excepts(m)
	if err != nil {
		return false, err
	}
	if a.all {
		return (stopped || a.stopwords == nil) && (excepted || len(a.exceptions) == 0), nil
	}
	return stopped || excepted, nil
}

func (a *allowlist) excepts(m *match) (bool, error) {
	b := m.secret()
	switch a.target {
	case "match":
		b = m.text[m.start:m.end]
	case "line":
		b = m.line()
	}
	for _, x := range a.exceptions {
		if ok, err := x.matches(b); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// match is a place where a rule matched.
type match struct {
	text       []byte
	start, end int // all of it
	from, to   int // the secret in it
}

func (m *match) secret() []byte { return m.text[m.from:m.to] }

// maxLine bounds the line that an allow-list is asked about, on either side.
const maxLine = 512

func (m *match) line() []byte {
	from, to := m.start, m.end
	for from > 0 && m.start-from < maxLine && m.text[from-1] != '\n' {
		from--
	}
	for to < len(m.text) && to-m.end < maxLine && m.text[to] != '\n' {
		to++
	}
	return m.text[from:to]
}
