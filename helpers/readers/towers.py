"""Three eddy towers on the Plateau: months of FLUXNET2015 (Pastorello et al. 2020), measured."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from helpers.errors import InputError
from helpers.paths import DATA
from helpers.readers.plots import FETCH, find_collection
from helpers.readers.tables import check_once, read_cells, to_numbers

EMBEDDED_TOWERS = DATA / "embedded" / "towers.csv"
TOWER_SITES = DATA / "tower_sites.csv"
_FILES = "FLX_*_FLUXNET2015_*_MM_*.csv"  # as FLUXNET names the monthly files of a site
_MISSING = "-9999"
_FLUX = (-20, 20, "g C m-2 d-1")
_COLUMNS = {  # column in the file: (our name, least, most, unit)
    "NEE_VUT_REF": ("NEE", *_FLUX),
    "NEE_VUT_25": ("NEE_25", *_FLUX),
    "NEE_VUT_75": ("NEE_75", *_FLUX),
    "NEE_VUT_REF_RANDUNC": ("NEE_random", 0, 20, "g C m-2 d-1"),
    "NEE_VUT_REF_QC": ("quality", 0, 1, "a share"),
    "RECO_NT_VUT_REF": ("RECO_night", *_FLUX),
    "RECO_DT_VUT_REF": ("RECO_day", *_FLUX),
    "GPP_NT_VUT_REF": ("GPP_night", -5, 40, "g C m-2 d-1"),
    "GPP_DT_VUT_REF": ("GPP_day", -5, 40, "g C m-2 d-1"),
    "TA_F": ("T", -60, 50, "degrees Celsius"),
    "P_F": ("P", 0, 200, "mm d-1"),
}


def read_towers(source: str | Path = "genuine") -> pd.DataFrame:
    """Read monthly FLUXNET2015 files of flux towers :cite:p:`pastorello2020`.

    Parameters
    ----------
    source : "genuine" or path
        Where ``make data SOURCE=sites`` or ``TIBET_REAL_DATA`` put the collection ``fluxnet2015``,
        or a folder with such files, ``FLX_CN-Dan_FLUXNET2015_SUBSET_MM_2004-2005_1-4.csv``.

    Returns
    -------
    pandas.DataFrame
        By ``tower`` (FLUXNET's name, as CN-Dan) and ``time`` (first day of the month): ``NEE`` (net
        ecosystem exchange, g C m-2 d-1, positive when carbon leaves the land), ``NEE_25`` and
        ``NEE_75`` (quartiles over 40 thresholds of friction velocity), ``NEE_random`` (one standard
        deviation, of random error), ``quality`` (share of half-hours that were measured, or filled
        with good quality), ``RECO_night``, ``RECO_day``, ``GPP_night``, ``GPP_day`` (respiration of
        the ecosystem and gross production, by two ways to divide NEE, g C m-2 d-1), ``T`` (of the
        air, degrees Celsius), ``P`` (mm d-1), both from a reanalysis where they were not measured.
        What a file has as -9999 is NaN.

    Raises
    ------
    InputError
        Where there is no such file, a column is missing, a month stands twice, or a number cannot
        be right in its unit.

    Examples
    --------
    >>> read_towers().loc["CN-Dan", "NEE"].idxmin()  # doctest: +SKIP
    Timestamp('2004-07-01 00:00:00')
    """
    folder = find_collection(source, "fluxnet2015")
    if not (paths := sorted(folder.glob(_FILES))):
        raise InputError(
            folder,
            needed=f"monthly files of FLUXNET2015, {_FILES}",
            found="none of this name",
            mend=FETCH,
        )
    return pd.concat(map(_read_tower, paths)).sort_index()


def _read_tower(path: Path) -> pd.DataFrame:
    table = read_cells(path, ["TIMESTAMP", *_COLUMNS], FETCH)
    check_once(path, table, "TIMESTAMP")
    months = pd.to_datetime(table["TIMESTAMP"], format="%Y%m", errors="coerce")
    if months.isna().any():
        raise InputError(
            f"{path}: column 'TIMESTAMP'",
            needed="months, as 200401",
            found=repr(table["TIMESTAMP"][months.isna()].iloc[0]),
            mend="give the monthly file of the site (MM in its name)",
        )
    limits = {name: each[1:] for name, each in _COLUMNS.items()}
    table = table.replace(rf"{_MISSING}(\.0*)?", "", regex=True)
    table = to_numbers(path, table, limits, "TIMESTAMP", _COLUMNS)[[*_COLUMNS]]
    table = table.rename(columns={name: each[0] for name, each in _COLUMNS.items()})
    tower = path.name.split("_")[1]
    return table.set_index(pd.MultiIndex.from_product([[tower], months], names=["tower", "time"]))


def load_towers() -> pd.DataFrame:
    """Return the embedded months of :func:`read_towers`: measured, FLUXNET2015 (CC BY 4.0).

    Examples
    --------
    >>> load_towers().loc["CN-Dan", "NEE"].idxmin()
    Timestamp('2004-07-01 00:00:00')
    """
    return pd.read_csv(EMBEDDED_TOWERS, index_col=["tower", "time"], parse_dates=["time"])


def load_tower_sites() -> pd.DataFrame:
    """Return name, longitude, latitude (degrees), elevation (m) and cover of towers, with sources.

    Examples
    --------
    >>> load_tower_sites().loc["CN-Dan", "elevation"]
    np.int64(4330)
    """
    return pd.read_csv(TOWER_SITES, index_col="tower")
