module github.com/kindling-boot/kindling

go 1.26

require (
	github.com/coreos/go-semver v0.3.1
	gopkg.in/yaml.v3 v3.0.1
)
