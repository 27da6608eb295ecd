# Rscript tests/r/diagnostics.R, from the project's root: writes the reference values of
# tests/test_resampling.py and tests/test_diagnostics.py. lavaan resamples and refits (its indices
# are kept, so that the same resamples can be fitted elsewhere); partial correlations and inflation
# of variances come from R's own lm, Fisher's C and Swain's factor from their formulas.
# diagnostics_input.csv: 30 sites, standardized with divisor N.
suppressMessages(library(lavaan))
set.seed(2022)
n <- 30
a1 <- rnorm(n)
a2 <- 0.5 * a1 + rnorm(n)
b <- 0.6 * a1 + 0.3 * a2 + rnorm(n)
c <- 0.7 * b + rexp(n)
d <- 0.4 * b - 0.5 * a2 + rnorm(n)
y <- 0.5 * c + 0.4 * d + 0.2 * a1 + rnorm(n)
standard <- function(x) (x - mean(x)) / sqrt(mean((x - mean(x))^2))
sites <- data.frame(lapply(data.frame(a1, a2, b, c, d, y), standard))
options(digits = 15)
write.csv(sites, "tests/r/diagnostics_input.csv", row.names = FALSE)
sites <- read.csv("tests/r/diagnostics_input.csv")
arrows <- "b ~ a1 + a2\nc ~ b\nd ~ b + a2\ny ~ c + d"
models <- c(correlated = paste0(arrows, "\na1 ~~ a2"), uncorrelated = paste0(arrows, "\na1 ~~ 0*a2"))
causes <- c("a1", "a2", "b", "c", "d")

totals <- function(fit) {
  B <- lavInspect(fit, "std")$beta
  (solve(diag(nrow(B)) - B) - diag(nrow(B)))["y", causes]
}
discrepancy <- function(fit) 2 * fitMeasures(fit, "fmin")
fit <- function(exogenous, data = sites, ...) {  # nlminb, lavaan's default, stops at 1e-6
  sem(models[exogenous], data,
    fixed.x = FALSE, optim.method = "BFGS", control = list(reltol = 1e-16), ...
  )
}
kept <- function(exogenous, values, columns, drawn) {
  dimnames(drawn) <- list(NULL, paste0("site", 1:n))
  data.frame(exogenous, matrix(values, nrow(drawn), dimnames = list(NULL, columns)), drawn)
}
ordinary <- function(exogenous) {
  drawn <- matrix(sample(n, 20 * n, replace = TRUE), 20)
  values <- t(apply(drawn, 1, function(rows) totals(fit(exogenous, sites[rows, ]))))
  kept(exogenous, values, causes, drawn)
}
bollen_stine <- function(exogenous) {
  values <- bootstrapLavaan(fit(exogenous),
    R = 20, type = "bollen.stine", FUN = discrepancy, keep.idx = TRUE, iseed = 7
  )
  kept(exogenous, values, "F", attr(values, "boot.idx")[[1]])
}
both <- function(resample) do.call(rbind, lapply(names(models), resample))
write.csv(both(ordinary), "tests/r/diagnostics_effects.csv", row.names = FALSE)
write.csv(both(bollen_stine), "tests/r/diagnostics_bollen_stine.csv", row.names = FALSE)

row <- function(quantity, exogenous, left, right, value) {
  data.frame(quantity, exogenous, left, right, value)
}
swain <- function(exogenous) {
  fitted <- fit(exogenous, likelihood = "wishart")
  measures <- fitMeasures(fitted)
  p <- 6
  t <- measures[["npar"]]
  q <- (sqrt(1 + 8 * t) - 1) / 2
  factor <- 1 - (p * (2 * p^2 + 3 * p - 1) - q * (2 * q^2 + 3 * q - 1)) /
    (12 * measures[["df"]] * (n - 1))
  chi2 <- factor * measures[["chisq"]]
  row("swain", exogenous, c("chi2", "p", "factor"), "", c(
    chi2, pchisq(chi2, measures[["df"]], lower.tail = FALSE), factor
  ))
}
claim <- function(left, right, given) {
  regression <- lm(reformulate(c(left, given), right), sites)
  row("claim", "correlated", left, right, summary(regression)$coefficients[left, 4])
}
claims <- rbind(
  claim("a1", "c", "b"),
  claim("a1", "d", c("b", "a2")),
  claim("a1", "y", c("c", "d")),
  claim("a2", "c", "b"),
  claim("a2", "y", c("c", "d")),
  claim("b", "y", c("a1", "a2", "c", "d")),
  claim("c", "d", c("b", "a2"))
)
exogenous_claim <- row("claim", "uncorrelated", "a1", "a2", cor.test(sites$a1, sites$a2)$p.value)
fisher <- function(exogenous, p) {
  C <- -2 * sum(log(p))
  row("fisher", exogenous, c("C", "df", "p"), "", c(
    C, 2 * length(p), pchisq(C, 2 * length(p), lower.tail = FALSE)
  ))
}
write.csv(rbind(
  swain("correlated"), swain("uncorrelated"),
  claims, exogenous_claim,
  fisher("correlated", claims$value), fisher("uncorrelated", c(claims$value, exogenous_claim$value))
), "tests/r/diagnostics.csv", row.names = FALSE, quote = FALSE)
