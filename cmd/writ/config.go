package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/writ-project/writ/internal/config"
)

type configCmd struct {
	Reference configReferenceCmd `cmd:"" help:"Print a configuration file that explains every field."`
	Schema    configSchemaCmd    `cmd:"" help:"Print the file's JSON Schema, for editors and checks."`
	Check     configCheckCmd     `cmd:"" help:"Say whether a configuration file would be accepted."`
}

func (c *configCmd) Help() string {
	return `The file says where and how the process runs. Who may invoke what is not in it:
that is state, changed with writ apply. Secrets are not in it either, only paths.

For completion and checks in an editor, begin the file with

  # yaml-language-server: $schema=PATH/config.schema.json`
}

type configReferenceCmd struct{}

func (c *configReferenceCmd) Run() error {
	_, err := fmt.Print(config.Reference)
	return err
}

type configSchemaCmd struct{}

func (c *configSchemaCmd) Run() error {
	text, err := config.Schema()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

type configCheckCmd struct {
	File string `arg:"" help:"Configuration file." type:"path"`
	JSON bool   `help:"Print JSON."`
}

// Run answers no, with exit status 1, to a file that up would refuse.
func (c *configCheckCmd) Run() error {
	cfg, err := config.Load(c.File)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && cfg.Account == "" {
		err = errors.New("no AWS account is configured: set account")
	}
	if c.JSON {
		out := map[string]any{"file": c.File, "valid": err == nil}
		if err != nil {
			out["error"] = err.Error()
		}
		if printed := printJSON(out); printed != nil {
			return printed
		}
		if err != nil {
			return &negative{}
		}
		return nil
	}
	if err != nil {
		return &negative{err.Error()}
	}
	fmt.Println(c.File, "would be accepted")
	return nil
}
