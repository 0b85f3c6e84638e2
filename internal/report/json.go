package report

import (
	"bufio"
	"io"
)

// Format is the first member of a JSON report, and what makes a file a
// baseline. Members are added under the same name, never renamed or removed.
const Format = "writ.iam.report/1"

// JSON writes the whole stream as one object at Flush:
//
//	{"format":"writ.iam.report/1","run":{…},"findings":[…],"rights":[…],"notEvaluable":[…],"measures":[…]}
//
// Arrays are never null and always in the same order; one element stands on one
// line. Strings are exactly as they came, acting characters as \u escapes; bytes
// that are no UTF-8 become U+FFFD.
func JSON(w io.Writer) Handler { return &jsonReport{w: w} }

type jsonReport struct {
	gathered
	w io.Writer
}

func (j *jsonReport) Flush() error {
	j.sort()
	out := bufio.NewWriter(j.w) // keeps the first error
	out.WriteString("{\"format\":\"" + Format + "\",\n\"run\":")
	out.Write(plainJSON(asJSON(j.run)))
	writeArray(out, "findings", j.findings)
	out.WriteString(",\n\"rights\":[")
	j.rights.write(out)
	out.WriteString("]")
	writeArray(out, "notEvaluable", j.missing)
	writeArray(out, "measures", j.measures)
	out.WriteString("}\n")
	return out.Flush()
}

func writeArray[T any](out *bufio.Writer, name string, elements []T) {
	out.WriteString(",\n\"" + name + "\":[")
	for i, e := range elements {
		writeElement(out, i, e)
	}
	out.WriteString("]")
}

func writeElement(out *bufio.Writer, i int, element any) {
	if i > 0 {
		out.WriteByte(',')
	}
	out.WriteByte('\n')
	out.Write(plainJSON(asJSON(element)))
}
