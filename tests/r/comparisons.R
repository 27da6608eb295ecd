# Rscript tests/r/comparisons.R, from the project's root, after associations.R, whose sites it
# takes: writes the reference values of tests/test_comparisons.py with R's own t.test, oneway.test
# and ptukey.
sites <- read.csv("tests/r/associations_input.csv")
factors <- c("a", "b", "c", "d", "e")
groupings <- list(land_cover = c("meadow", "steppe"), zone = c("Low", "Middle", "High"))
levels <- c(land_cover = 0.95, zone = 0.9)

compare <- function(factor, grouping, pair) {
  level <- levels[grouping]
  x <- sites[sites[[grouping]] == pair[1], factor]
  y <- sites[sites[[grouping]] == pair[2], factor]
  student <- t.test(x, y, var.equal = TRUE)
  welch <- t.test(x, y, conf.level = level)
  df <- student$parameter
  data.frame(
    grouping, confidence = level, factor, first = pair[1], second = pair[2],
    difference = mean(x) - mean(y), low = welch$conf.int[1], high = welch$conf.int[2],
    t_student = student$statistic, df_student = df, p_student = student$p.value,
    t_welch = welch$statistic, df_welch = welch$parameter, p_welch = welch$p.value,
    p_games_howell = ptukey(
      abs(welch$statistic) * sqrt(2), length(groupings[[grouping]]), welch$parameter,
      lower.tail = FALSE
    )
  )
}
anova <- function(factor, grouping) {
  test <- oneway.test(sites[[factor]] ~ sites[[grouping]], var.equal = FALSE)
  data.frame(
    grouping, factor, F = test$statistic, df_between = test$parameter[1],
    df_within = test$parameter[2], p = test$p.value
  )
}
bind <- function(rows) do.call(rbind, unlist(rows, recursive = FALSE))
each_pair <- function(test, factors) {
  bind(lapply(names(groupings), function(grouping) {
    unlist(lapply(factors, function(factor) {
      combn(groupings[[grouping]], 2, function(pair) test(factor, grouping, pair), FALSE)
    }), recursive = FALSE)
  }))
}
options(digits = 15)
write.csv(each_pair(compare, factors), "tests/r/comparisons.csv", row.names = FALSE)
write.csv(
  bind(lapply(names(groupings), function(grouping) lapply(factors, anova, grouping))),
  "tests/r/comparisons_means.csv", row.names = FALSE
)
