package secret

// wordList is words in lower case, by their first letter, which is one of a to z.
type wordList ['z' - 'a' + 1][]string

func listOf(words ...string) *wordList {
	l := new(wordList)
	for _, w := range words {
		l[w[0]-'a'] = append(l[w[0]-'a'], w)
	}
	return l
}

// about reports whether one of the words begins a word of the part.
func about(part []byte, words *wordList) bool {
	for i, c := range part {
		if !isLetter(c) || i > 0 && isLetter(part[i-1]) && (!isUpper(c) || isUpper(part[i-1])) {
			continue
		}
		for _, w := range words[lower(c)-'a'] {
			if hasFold(part[i:], w) && (len(w) > 3 || i+len(w) == len(part) || endsWord(part[i+len(w):], part[i:i+len(w)])) {
				return true
			}
		}
	}
	return false
}
