module regards-order/test/cluster/programs/sample

go 1.24.0
