# Fit indices by lavaan, each as tests/lavaan/reference.R says; from the project's root. full is the
# model with random exogenous variables, test the one that chi2 and likelihood are of, normal the
# one whose likelihood AMOS's has; input has n and the unit of each variable.
interval <- function(chi2, df, scale) {
  limit <- function(tail) {
    if (pchisq(chi2, df) <= tail) return(0)
    off <- function(ncp) pchisq(chi2, df, ncp) - tail
    uniroot(off, c(0, 4 * chi2 + 100), tol = 1e-13, maxiter = 1e4)$root
  }
  sqrt(c(limit(0.95), limit(0.05)) / (df * scale))
}
indices <- function(full, test, normal, input, convention) {
  n <- input$n
  amos <- convention == "amos"
  scale <- if (amos) n - 1 else n
  of <- fitMeasures(test)
  misfit <- fitMeasures(full)
  df <- of[["df"]]
  chi2 <- of[["chisq"]]
  q <- of[["npar"]]
  ends <- if (df > 0) interval(chi2, df, scale) else c(NA, NA)
  residual <- residuals(full)$cov
  rmr <- function(unit) {
    sqrt(mean((residual * outer(unit, unit))[lower.tri(residual, diag = TRUE)]^2))
  }
  stopifnot(
    df == 0 || max(abs(ends - of[c("rmsea.ci.lower", "rmsea.ci.upper")])) < 2e-4,
    abs(misfit[["chisq"]] - chi2) < 1e-8, abs(rmr(rep(1, nrow(residual))) - misfit[["rmr"]]) < 1e-12
  )
  likely <- if (amos) normal else test
  random <- setdiff(lavNames(likely), lavNames(likely, "ov.x"))
  likelihood <- fitMeasures(likely)[["logl"]] - n * sum(log(input$unit[random]))
  deviance <- if (amos) chi2 else -2 * likelihood
  tested <- function(value) if (df > 0) value else NA
  data.frame(
    n, parameters = q, df, chi2, p = tested(of[["pvalue"]]), chi2_df = tested(chi2 / df),
    rmsea = tested(of[["rmsea"]]), rmsea_low = ends[1], rmsea_high = ends[2],
    p_close = tested(of[["rmsea.pvalue"]]),
    rmr = rmr(input$unit[rownames(residual)]) * scale / n,
    srmr = misfit[["srmr"]],
    cfi = of[["cfi"]], tli = tested(of[["tli"]]), gfi = misfit[["gfi"]],
    agfi = tested(misfit[["agfi"]]), nfi = of[["nfi"]], log_likelihood = likelihood,
    aic = deviance + 2 * q, bic = deviance + q * log(n)
  )
}
