#!/bin/sh
# Yearly oxygen production of the Plateau by CDO: one chain of operators per model and scenario.
# sh benchmarks/reduce_by_cdo.sh ARCHIVE FOLDER FIRST_YEAR LAST_YEAR
set -eu
export archive=$1 folder=$2 first=$3 last=$4
cat > "$folder/grid.txt" <<GRID
gridtype = lonlat
xsize = 34
ysize = 16
xfirst = 72.5
xinc = 1
yfirst = 25.5
yinc = 1
GRID

# Crop first, to four degrees more than the region (a cell of the coarsest grid). An operator
# skips the years that it does not select. 230400 = 86400 s per day x 32/12 of oxygen per carbon.
reduce='
model=$0 scenario=$1
land=$(find "$archive" -name "sftlf_fx_${model}_*.nc")
flux() {
    runs=$(find "$archive" -name "$1_Lmon_${model}_historical_*.nc" -o \
        -name "$1_Lmon_${model}_${scenario}_*.nc" | sort)
    for file in $runs; do
        dates=${file##*_} until=${dates#*-} since=${dates%%-*}
        [ "${until%%??.nc}" -lt "$first" ] || [ "${since%%??}" -gt "$last" ] || echo "$file"
    done
}
box=sellonlatbox,68,110,21,45
years=year=$first/$last
cdo -s -O -b F64 div \
    -remapcon,"$folder/grid.txt" -mul \
        -setmisstoc,0 -yearsum -mulc,230400 -muldpm \
            -sub -$box [ -select,name=npp,$years $(flux npp) ] \
                 -$box [ -select,name=rh,$years $(flux rh) ] \
        -divc,100 -$box "$land" \
    -remapcon,"$folder/grid.txt" -divc,100 -$box "$land" \
    "$folder/top_${model}_$scenario.nc"
'
find "$archive" -name 'npp_Lmon_*_rcp*_r1i1p1_*.nc' -printf '%s %f\n' |
    sort -rn | awk -F_ '!seen[$3, $4]++ { print $3, $4 }' |
    xargs -P "$(nproc)" -L 1 sh -c "$reduce"
