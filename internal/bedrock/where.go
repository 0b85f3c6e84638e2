package bedrock

import "strings"

// Place is a path, as Texts.Where or Piece.Channel has it, without the names
// that the wire does not have: a star stands for each. They are words of the
// caller or the model, and so content, which no record is to hold.
func Place(path string) string {
	var b strings.Builder
	for len(path) > 0 {
		step, sep, rest := nextStep(path)
		if !told(step) {
			step = "*"
		}
		b.WriteString(step)
		b.WriteString(sep)
		path = rest
	}
	return b.String()
}

// nextStep cuts a name off a path, with what parts it from the next: a dot, or
// the numbers of elements. A quoted name is one step, however it goes on.
func nextStep(path string) (step, sep, rest string) {
	end := 0
	if path[0] == '"' {
		for end++; end < len(path) && path[end] != '"'; end++ {
			if path[end] == '\\' {
				end++
			}
		}
		end = min(end, len(path))
	}
	for end < len(path) && path[end] != '.' && path[end] != '[' {
		end++
	}
	next := end
	for next < len(path) && (path[next] == '.' || path[next] == '[') {
		number := path[next] == '['
		for next++; number && next < len(path) && path[next] != '.' && path[next] != '['; next++ {
		}
		if !number {
			break
		}
	}
	return path[:end], path[end:next], path[next:]
}

// told reports whether a step of a path says nothing but where it is: a name
// that the wire has, or a number that a stream numbers its parts by.
func told(step string) bool {
	const longestNumber = 3
	if step == "" || places[step] != nil {
		return true
	}
	return len(step) <= longestNumber && strings.Trim(step, "0123456789") == ""
}
