package awsiam

import (
	"fmt"
	"regexp"
	"strings"
)

// maxARN bounds ARNs that are read; Bedrock's longest is 2,048 characters.
const maxARN = 2048

// arnForm is an ARN with placeholders, as AWS lists them.
type arnForm struct {
	fact  ResourceFact
	whole *regexp.Regexp
	fixed int // characters outside placeholders
}

func (f *arnForm) match(arn string) bool { return f.whole.MatchString(arn) }

var placeholder = regexp.MustCompile(`\$\{[A-Za-z]+\}`)

// placeholders are what the named ones stand for; any other is a part of the
// resource without a slash. Wildcards are not part of an ARN.
var placeholders = map[string]string{
	"${Partition}": `aws(?:-[a-z0-9-]+)?`,
	"${Region}":    `[a-z0-9]+(?:-[a-z0-9]+)+`,
	"${Account}":   `[0-9]{12}`,
}

const anyPart = `[^/*?\s]+`

// parseForm reads arn:${Partition}:service:${Region}:${Account}:kind/${Id}.
func parseForm(s string) (arnForm, error) {
	part := strings.SplitN(s, ":", 6)
	if len(part) != 6 || part[0] != "arn" || part[1] != "${Partition}" || part[2] == "" || part[5] == "" {
		return arnForm{}, fmt.Errorf("%.80q is not the form of an ARN", s)
	}
	var re strings.Builder
	form, at := arnForm{}, 0
	for _, p := range placeholder.FindAllStringIndex(s, -1) {
		re.WriteString(regexp.QuoteMeta(s[at:p[0]]))
		form.fixed += p[0] - at
		re.WriteString(placeholderPattern(s[p[0]:p[1]]))
		at = p[1]
	}
	rest := s[at:]
	form.fixed += len(rest)
	if fixed := placeholder.ReplaceAllString(s, ""); strings.ContainsAny(fixed, "${}*? ") {
		return arnForm{}, fmt.Errorf("%.80q has a placeholder that cannot be read", s)
	}
	whole, err := regexp.Compile(`^` + re.String() + regexp.QuoteMeta(rest) + `$`)
	if err != nil {
		return arnForm{}, fmt.Errorf("%.80q: %w", s, err)
	}
	form.whole = whole
	return form, nil
}

func placeholderPattern(name string) string {
	if p, ok := placeholders[name]; ok {
		return p
	}
	return anyPart
}

// kindOfARN is the service and the resource up to the first slash, by which
// forms are found; empty for what is no ARN.
func kindOfARN(s string) string {
	part := strings.SplitN(s, ":", 6)
	if len(part) != 6 {
		return ""
	}
	kind, _, _ := strings.Cut(part[5], "/")
	return part[2] + ":" + kind
}
