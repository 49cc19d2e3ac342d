module github.com/kindling-boot/kindling

go 1.26.0

require (
	github.com/aws/aws-sdk-go-v2 v1.47.6
	github.com/coreos/go-semver v0.3.1
	github.com/coreos/vcontext v0.0.0-20230201181013-d72178a18687
	github.com/rclone/gofakes3 v0.0.11
	github.com/vincent-petithory/dataurl v1.0.0
	github.com/vmware/vmw-guestinfo v0.0.0-20220317130741-510905f0efa3
	golang.org/x/sys v0.49.0
	gopkg.in/yaml.v3 v3.0.1
)

require (
	github.com/aws/smithy-go v1.28.8 // indirect
	github.com/coreos/go-json v0.0.0-20230131223807-18775e0fb4fb // indirect
	github.com/minio/xxml v0.0.3 // indirect
	github.com/ryszard/goskiplist v0.0.0-20150312221310-2dfbae5fcf46 // indirect
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // indirect
	github.com/shabbyrobe/gocovmerge v0.0.0-20230507112040-c3350d9342df // indirect
	golang.org/x/text v0.14.0 // indirect
	golang.org/x/tools v0.40.0 // indirect
)
