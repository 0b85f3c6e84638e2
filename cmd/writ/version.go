package main

import (
	"fmt"
	"runtime/debug"
)

type versionCmd struct {
	JSON bool `help:"Print JSON."`
}

func (c *versionCmd) Run() error {
	if c.JSON {
		return printJSON(map[string]string{"version": version()})
	}
	fmt.Println("writ", version())
	return nil
}

// version is the module's version, or the commit a checkout was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}
