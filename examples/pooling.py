"""Pool the opinions of several classifiers in log-odds, in a table of pandas.

    python examples/pooling.py

Each row is a patient, each column a classifier's probability of "benign". The pooled probability
is that of the mean log-odds,

    pooled = expit(mean(logit(p, eps))).

`logit` and `expit` keep the table a table: rows, columns and names. Forests and nearest
neighbours say 0 and 1, and `eps` makes finite opinions of these: an estimate from n cases is no
surer than 1/n.
"""

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from arraylogit import expit, logit

CLASSIFIERS = {
    "regression": make_pipeline(StandardScaler(), LogisticRegression()),
    "neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier(10)),
    "forest": RandomForestClassifier(50, random_state=0),
}


def opinions():
    """Return the out-of-fold probabilities by patient and classifier, and the truth by patient."""
    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    x.index = y.index = [f"patient {i}" for i in range(1, len(y) + 1)]
    columns = {
        name: cross_val_predict(model, x, y, cv=5, method="predict_proba")[:, 1]
        for name, model in CLASSIFIERS.items()
    }
    return pd.DataFrame(columns, index=x.index), y


def pool(p):
    """Return the pooled probability of each row."""
    return expit(logit(p, eps=1 / len(p)).mean(axis="columns"))


def main():
    p, y = opinions()
    print(p.assign(pooled=pool(p)).iloc[12:16].round(3))
    print(f"{((p == 0) | (p == 1)).to_numpy().sum()} opinions are exactly 0 or 1")
    print("log-loss")
    columns = {**p, "mean of p": p.mean(axis="columns"), "pooled": pool(p)}
    for name, column in columns.items():
        print(f"  {name:<12}{log_loss(y, column):.3f}")


if __name__ == "__main__":
    main()
