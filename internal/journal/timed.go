package journal

import "time"

// timed flushes a batch and tells whoever measures.
func (w *writer) timed(b *batch) error {
	if w.cfg.Flushed == nil {
		return w.flush(b)
	}
	began := time.Now()
	err := w.flush(b)
	w.cfg.Flushed(time.Since(began), len(b.leaves))
	return err
}
