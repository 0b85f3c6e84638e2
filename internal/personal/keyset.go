package personal

// keySet holds up to 192 keys; those that come later are not kept, which bounds
// the work on a text with very many names.
type keySet struct {
	slots [256]hash
	n     int
}

func (k *keySet) add(h hash) {
	if k.n >= 192 {
		return
	}
	for i := h.mixed() % 256; ; i = (i + 1) % 256 {
		if k.slots[i] == h {
			return
		}
		if k.slots[i] == 0 {
			k.slots[i] = h
			k.n++
			return
		}
	}
}

func (k *keySet) has(h hash) bool {
	if k.n == 0 {
		return false
	}
	for i := h.mixed() % 256; k.slots[i] != 0; i = (i + 1) % 256 {
		if k.slots[i] == h {
			return true
		}
	}
	return false
}

func (k *keySet) empty() {
	if k.n > 0 {
		*k = keySet{}
	}
}
