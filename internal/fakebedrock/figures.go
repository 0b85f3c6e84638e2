package fakebedrock

import (
	"encoding/json"
	"maps"
	"strings"
)

// told is what a script wants AWS's own figures to be: as Converse names them,
// whatever nonsense they are; several are told one after another.
type told struct {
	usages []map[string]json.RawMessage
	none   bool // nothing is told
}

func (t *told) read(text string) {
	var u map[string]json.RawMessage
	switch {
	case text == "none":
		t.none = true
	case json.Unmarshal([]byte(text), &u) == nil:
		t.usages = append(t.usages, u)
	}
}

// whole are the figures to tell at once, in the place of the true ones.
func (t *told) whole(u object) object {
	switch {
	case t.none:
		return nil
	case len(t.usages) > 0:
		return restated(t.usages[0], func(name string) string { return name })
	}
	return u
}

// again are those that a stream tells after them.
func (t *told) again(rename func(string) string) (out []object) {
	for i := 1; i < len(t.usages); i++ {
		out = append(out, restated(t.usages[i], rename))
	}
	return out
}

// metrics are the figures in the words of an InvokeModel stream.
func (t *told) metrics(m object) object {
	if t.none {
		return nil
	}
	if len(t.usages) > 0 {
		out := maps.Clone(m)
		maps.Copy(out, restated(t.usages[0], metricName))
		return out
	}
	return m
}

// headers puts the figures into the headers of an InvokeModel answer.
func (t *told) headers(h map[string]string) {
	for name, header := range map[string]string{"inputTokens": "Input", "outputTokens": "Output", "cacheReadInputTokens": "Cache-Read-Input", "cacheWriteInputTokens": "Cache-Write-Input"} {
		header = "X-Amzn-Bedrock-" + header + "-Token-Count"
		switch {
		case t.none:
			delete(h, header)
		case len(t.usages) > 0 && t.usages[0][name] == nil:
			delete(h, header)
		case len(t.usages) > 0:
			h[header] = string(t.usages[0][name])
		}
	}
}

func restated(u map[string]json.RawMessage, rename func(string) string) object {
	out := object{}
	for name, v := range u {
		out[rename(name)] = v
	}
	return out
}

func metricName(name string) string { return strings.TrimSuffix(name, "s") + "Count" }
