module github.com/kindling-boot/kindling

go 1.26.0

require (
	github.com/coreos/go-semver v0.3.1
	github.com/coreos/vcontext v0.0.0-20230201181013-d72178a18687
	github.com/vincent-petithory/dataurl v1.0.0
	github.com/vmware/vmw-guestinfo v0.0.0-20220317130741-510905f0efa3
	golang.org/x/sys v0.49.0
	gopkg.in/yaml.v3 v3.0.1
)

require github.com/coreos/go-json v0.0.0-20230131223807-18775e0fb4fb // indirect
