package journal

// TailFile lets tests stand in for the disk.
type TailFile = tailFile

// OpenTailFile opens a segment as the journal does.
var OpenTailFile = openTailFile

// WithTail replaces how segments are opened.
func (c Config) WithTail(open func(path string) (TailFile, error)) Config {
	c.openTail = open
	return c
}

// WithFreeBytes replaces how free disk is measured.
func (c Config) WithFreeBytes(free func(dir string) (uint64, error)) Config {
	c.freeBytes = free
	return c
}
