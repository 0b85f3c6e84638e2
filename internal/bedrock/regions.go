package bedrock

import (
	"slices"
	"strings"
)

// globalPrefix begins the id of a profile whose destinations are unbounded.
const globalPrefix = "global"

// profilePrefixes are the first segments of system-defined profile ids that
// name a geography. Providers are first segments too, so an id is a profile
// only when its first segment is here and the rest is a model's id.
var profilePrefixes = map[string]bool{
	"apac": true, "au": true, "ca": true, "eu": true, globalPrefix: true,
	"in": true, "jp": true, "us": true, "us-gov": true,
}

// partitions are AWS's partitions, each with the beginnings of its regions'
// names; the commercial one has every other region
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html).
var partitions = []struct{ name, start string }{
	{"aws-us-gov", "us-gov-"},
	{"aws-cn", "cn-"},
	{"aws-iso", "us-iso-"},
	{"aws-iso-b", "us-isob-"},
	{"aws-iso-e", "eu-isoe-"},
	{"aws-iso-f", "us-isof-"},
	{"aws-eusc", "eusc-"},
}

// commercial is the partition of ordinary regions.
const commercial = "aws"

// PartitionOf is the partition that a region belongs to.
func PartitionOf(region string) string {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.start) {
			return p.name
		}
	}
	return commercial
}

// ValidPartition reports whether s names one of AWS's partitions.
func ValidPartition(s string) bool {
	return s == commercial || slices.ContainsFunc(partitions, func(p struct{ name, start string }) bool { return p.name == s })
}

// maxRegion is the longest region name that Bedrock's own patterns allow.
const maxRegion = 20

// ValidRegion reports whether s has the form of a region's name, such as
// us-east-1 or us-gov-west-1. It does not say that the region exists.
func ValidRegion(s string) bool {
	parts, words := 0, s
	for {
		word, rest, more := strings.Cut(words, "-")
		if !more {
			return parts >= 2 && len(s) <= maxRegion && digits(word, 1, 2)
		}
		if !within(word, 1, maxRegion, lowerSet) {
			return false
		}
		parts, words = parts+1, rest
	}
}

// ValidAccount reports whether s is a twelve-digit AWS account number.
func ValidAccount(s string) bool { return digits(s, 12, 12) }

const (
	lowerLetters = "abcdefghijklmnopqrstuvwxyz"
	upperLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	decimals     = "0123456789"
)

// charset is a set of bytes. Identifiers are read on every request, and a
// table is several times faster than the strings package's sets.
type charset [256]bool

var (
	lowerSet    = newCharset(lowerLetters)
	decimalSet  = newCharset(decimals)
	opaqueSet   = newCharset(lowerLetters + decimals)
	segmentSet  = newCharset(lowerLetters + decimals + "-")
	promptSet   = newCharset(lowerLetters + upperLetters + decimals)
	endpointSet = newCharset(lowerLetters + upperLetters + decimals + "-")
)

func newCharset(members string) *charset {
	var c charset
	for i := range len(members) {
		c[members[i]] = true
	}
	return &c
}

// within reports whether s is least to most bytes of a set.
func within(s string, least, most int, set *charset) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		if !set[s[i]] {
			return false
		}
	}
	return true
}

// digits reports whether s is least to most decimal digits.
func digits(s string, least, most int) bool { return within(s, least, most, decimalSet) }
