module quadlet

go 1.24

require github.com/containers/podman/v5 v5.3.1
