package main

import (
	"runtime/debug"

	"github.com/prometheus/prometheus/util/teststorage"
)

type storageOf = teststorage.TestStorage

// version is that of the engine's module, read from the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, module := range info.Deps {
		if module.Path == "github.com/prometheus/prometheus" {
			return module.Version
		}
	}
	return "unknown"
}
